//! The commands, one file each: an `Args`, a `run` that speaks to the user, and a `stage` that `run` and recipes share.
