//! The threads of a step.

use olive_plugin_api::StepContext;
use rayon::ThreadPoolBuilder;

use crate::error::QuantizeError;

/// Runs `work` with the threads of the step: what is parallel within shares them.
///
/// # Errors
/// When the threads cannot be started, or `work` fails.
pub(crate) fn with_threads<R: Send>(
    ctx: &StepContext<'_>,
    work: impl FnOnce() -> Result<R, QuantizeError> + Send,
) -> Result<R, QuantizeError> {
    let threads = ctx.threads();
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|source| QuantizeError::Threads { threads, source })?;
    pool.install(work)
}
