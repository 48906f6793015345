//! Run folders, atomic files, logs, seeds and progress: what every stage needs and no stage owns.
