//! The training stages: loader, optimizers, schedule, pretraining and fine-tuning.
