//! A file or a folder that one process works in at a time.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use crate::{Error, Result};

/// Keeps other processes out as long as it lives. The system ends it with the process, however that ends, and nothing is left behind.
#[derive(Debug)]
pub struct Hold {
    _handle: File,
}

impl Hold {
    /// Takes what is there, a file or a folder.
    ///
    /// # Errors
    /// It is held by somebody, or cannot be opened.
    pub fn take(path: &Path) -> Result<Hold> {
        let handle = File::open(path).map_err(|source| Error::io(path, "open", source))?;
        match patiently(|| handle.try_lock()) {
            Ok(()) => Ok(Hold { _handle: handle }),
            Err(TryLockError::WouldBlock) => Err(Error::Refused(format!(
                "{} is in use by another process; wait for it, or write to another place (--out)",
                path.display()
            ))),
            Err(TryLockError::Error(source)) => Err(Error::io(path, "lock", source)),
        }
    }

    /// Makes the folder if need be, and takes it.
    ///
    /// # Errors
    /// As [`Hold::take`].
    pub fn take_folder(path: &Path) -> Result<Hold> {
        crate::files::create_folder(path)?;
        Hold::take(path)
    }
}

/// Whether some process holds a file or a folder. To find out it is taken for less than a moment, for which [`Hold::take`] waits.
pub fn is_held(path: &Path) -> bool {
    File::open(path).is_ok_and(|handle| matches!(handle.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Tries a few times within a moment.
fn patiently(try_lock: impl Fn() -> std::result::Result<(), TryLockError>) -> std::result::Result<(), TryLockError> {
    for _ in 0..4 {
        match try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(25)),
            outcome => return outcome,
        }
    }
    try_lock()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_hold_waits_for_the_end_of_the_first() {
        let folder = std::env::temp_dir().join(format!("schoolhouse-hold-{}", std::process::id()));
        let file = folder.join("rows.jsonl");
        let first = Hold::take_folder(&folder).unwrap();
        std::fs::write(&file, "").unwrap();
        let of_file = Hold::take(&file).unwrap();
        for path in [&folder, &file] {
            let refused = Hold::take(path).unwrap_err().to_string();
            assert!(refused.contains("is in use by another process"), "{refused}");
            assert!(is_held(path));
        }
        drop((first, of_file));
        assert!(!is_held(&folder) && !is_held(&folder.join("none")));
        Hold::take(&folder).unwrap();
        Hold::take(&file).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
