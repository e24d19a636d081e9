//! Stopping: Ctrl-C, and SIGTERM as schedulers and service managers send it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::plugin::process;

/// Exit code of a run that the user stopped.
pub const CANCELLED: u8 = 30;

/// Whether the user wants to stop.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Listens for Ctrl-C and SIGTERM: the first asks the running step to stop, the second ends the
    /// program and its workers at once.
    pub fn on_signals() -> Self {
        let cancel = Self::default();
        let asked = cancel.clone();
        signals::listen(move || {
            if asked.0.swap(true, Ordering::Relaxed) {
                process::end_all();
                std::process::exit(i32::from(CANCELLED));
            }
        });
        cancel
    }

    /// Whether the user wants to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A flag that Ctrl-C and SIGTERM set, for a process that stops when its work sees the flag.
pub(crate) fn flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    signals::set(&flag);
    flag
}

// Without a listener a signal ends the program at once, which leaves nothing half done either.

#[cfg(unix)]
mod signals {
    //! Signals of Unix. SIGHUP is left as it is, so that `nohup` works.

    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;
    use signal_hook::iterator::Signals;

    pub(super) fn listen(mut on_signal: impl FnMut() + Send + 'static) {
        let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else { return };
        thread::spawn(move || signals.forever().for_each(|_| on_signal()));
    }

    /// Needs no thread and no file descriptor, which a plugin could close.
    pub(super) fn set(asked: &Arc<AtomicBool>) {
        for signal in [SIGINT, SIGTERM] {
            let _ = flag::register(signal, Arc::clone(asked));
        }
    }
}

#[cfg(windows)]
mod signals {
    //! Ctrl-C and Ctrl-Break of Windows.

    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    pub(super) fn listen(on_signal: impl FnMut() + Send + 'static) {
        let _ = ctrlc::set_handler(on_signal);
    }

    pub(super) fn set(asked: &Arc<AtomicBool>) {
        let asked = Arc::clone(asked);
        listen(move || asked.store(true, Ordering::Relaxed));
    }
}
