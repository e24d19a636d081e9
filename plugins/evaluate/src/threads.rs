//! The threads of a step.

use rayon::ThreadPoolBuilder;

use crate::error::EvaluateError;

/// Runs `work` with `threads` threads: what is parallel within shares them.
///
/// # Errors
/// When the threads cannot be started.
pub(crate) fn with_threads<R: Send>(
    threads: usize,
    work: impl FnOnce() -> R + Send,
) -> Result<R, EvaluateError> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|source| EvaluateError::Threads { threads, source })?;
    Ok(pool.install(work))
}
