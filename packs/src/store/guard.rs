//! The lock: one command at a time changes a store.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::PackError;
use crate::durable;

/// How long between two looks at a lock that is taken.
const PAUSE: Duration = Duration::from_millis(20);

/// Held by a command that changes a store; given back when dropped, also by the system.
#[derive(Debug)]
pub struct Guard {
    _file: File,
}

/// Takes the lock of the store at `root`.
pub(super) fn take(root: &Path, wait: Duration, on_wait: &dyn Fn()) -> Result<Guard, PackError> {
    let path = root.join("lock");
    let file = durable::open_lock(&path)?;
    let until = Instant::now() + wait;
    let mut is_told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Guard { _file: file }),
            Err(TryLockError::Error(error)) => return Err(PackError::io("lock", &path)(error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => return Err(busy(root)),
            Err(TryLockError::WouldBlock) => {}
        }
        if !is_told {
            on_wait();
            is_told = true;
        }
        thread::sleep(PAUSE);
    }
}

fn busy(root: &Path) -> PackError {
    let message = format!("another command is changing the packs in `{}`", root.display());
    PackError::refused("pack-busy", message).with_help("try again when it is done")
}
