//! The lock: one command at a time changes a store, and leaves nothing when it fails.

use std::fs::{File, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Store, clean};
use crate::PackError;
use crate::durable;

/// How long between two looks at a lock that is taken.
const PAUSE: Duration = Duration::from_millis(20);

/// Held by a command that changes a store; given back when dropped, also by the system. What no
/// generation has come to name by then is removed.
#[derive(Debug)]
pub struct Guard {
    store: Store,
    _file: File,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // What cannot be removed now, the next command removes.
        let _ = clean::sweep(&self.store);
    }
}

/// Takes the lock of the store, and sweeps it.
pub(super) fn take(store: &Store, wait: Duration, on_wait: &dyn Fn()) -> Result<Guard, PackError> {
    let file = locked(store, wait, on_wait)?;
    clean::sweep(store)?;
    Ok(Guard { store: store.clone(), _file: file })
}

fn locked(store: &Store, wait: Duration, on_wait: &dyn Fn()) -> Result<File, PackError> {
    let path = store.root.join("lock");
    let file = durable::open_lock(&path)?;
    let until = Instant::now() + wait;
    let mut is_told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(PackError::io("lock", &path)(error)),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => return Err(busy(store)),
            Err(TryLockError::WouldBlock) => {}
        }
        if !is_told {
            on_wait();
            is_told = true;
        }
        thread::sleep(PAUSE);
    }
}

fn busy(store: &Store) -> PackError {
    let message = format!("another command is changing the packs in `{}`", store.root.display());
    PackError::refused("pack-busy", message).with_help("try again when it is done")
}
