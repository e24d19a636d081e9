//! The runtime that a call lives in.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};

use crate::TransportError;

/// Runs `work` to its end on this thread.
pub(crate) fn block_on<T>(
    work: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    let runtime = new()?;
    let result = runtime.block_on(work);
    // A name server that does not answer keeps a thread busy, for which nobody waits.
    runtime.shutdown_background();
    result
}

/// A runtime, which works while something is waited for.
pub(crate) fn new() -> Result<Runtime, TransportError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(TransportError::file("start", "a runtime"))
}
