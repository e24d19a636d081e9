//! The runtime that a call lives in.

use std::future::Future;

use tokio::runtime::Builder;

use crate::TransportError;

/// Runs `work` to its end on this thread.
pub(crate) fn block_on<T>(
    work: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(TransportError::file("start", "a runtime"))?;
    let result = runtime.block_on(work);
    // A name server that does not answer keeps a thread busy, for which nobody waits.
    runtime.shutdown_background();
    result
}
