//! Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::CANCELLED;

/// Whether the user wants to stop.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Listens for Ctrl-C: the first asks the running step to stop, the second ends the program.
    ///
    /// When the program ends, its worker notices the closed pipe and ends too.
    pub fn on_ctrl_c() -> Self {
        let cancel = Self::default();
        let asked = cancel.clone();
        // Without a handler Ctrl-C ends the program at once, which leaves nothing half done either.
        let _ = ctrlc::set_handler(move || {
            if asked.0.swap(true, Ordering::Relaxed) {
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
