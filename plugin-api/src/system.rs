//! Systems: where steps run when they do not run here.

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::error::PluginError;
use olive_schemas::system::{Job, JobState, LogPart};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::StepContext;

/// A system runs steps elsewhere: under another command, on another machine, in a queue.
///
/// A config selects it by the `type` of an entry of `systems`. Each call runs in a process of its
/// own, so a system keeps what it must remember in the job's folder, and the id of a job says all
/// that later calls need. The calls are quick: [`System::submit`] starts, it does not wait.
///
/// A job is one worker: [`Job::program`] with [`Job::arguments`], which reads [`Job::input`] as its
/// standard input and writes messages to its standard output. The system keeps both in files of
/// [`Job::folder`] and gives the messages back through [`System::logs`], byte for byte.
///
/// A system may stop a job by itself, before a time limit or for a job that goes before: SIGTERM
/// makes the worker write a checkpoint and end with `cancelled`. Then [`System::poll`] says why the
/// job is lost; or the system starts it again, with empty outputs, and its messages follow those of
/// the first attempt.
pub trait System: Default + Send + Sync + 'static {
    /// Settings beside `type` and `accelerators`. Every field is documented, unknown keys are
    /// refused.
    type Config: Serialize + DeserializeOwned + JsonSchema;

    /// Name a config selects the system by.
    const NAME: &'static str;

    /// One sentence on where steps run, with a final period.
    const SUMMARY: &'static str;

    /// Finds what keeps steps from running there, before the first one does. Pointers of
    /// diagnostics start at the system's own config.
    ///
    /// # Errors
    /// When the system cannot be reached at all.
    fn probe(
        &self,
        config: &Self::Config,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError>;

    /// Starts a job; gives its id.
    ///
    /// # Errors
    /// When it is not accepted.
    fn submit(
        &self,
        job: &Job,
        config: &Self::Config,
        ctx: &StepContext<'_>,
    ) -> Result<String, PluginError>;

    /// How the job `id` is.
    ///
    /// # Errors
    /// When the system cannot say; the host asks again before it gives up.
    fn poll(
        &self,
        id: &str,
        config: &Self::Config,
        ctx: &StepContext<'_>,
    ) -> Result<JobState, PluginError>;

    /// Ends the job `id`, if it still runs.
    ///
    /// # Errors
    /// When it may go on.
    fn cancel(
        &self,
        id: &str,
        config: &Self::Config,
        ctx: &StepContext<'_>,
    ) -> Result<(), PluginError>;

    /// What the worker of the job `id` has written to standard output from byte `from` on.
    ///
    /// # Errors
    /// When it cannot be read.
    fn logs(
        &self,
        id: &str,
        from: u64,
        config: &Self::Config,
        ctx: &StepContext<'_>,
    ) -> Result<LogPart, PluginError>;

    /// Brings the files of the ended job `id` into the folders that its request names, and removes
    /// what the job leaves elsewhere.
    ///
    /// # Errors
    /// When files are missing or cannot be brought.
    fn collect(
        &self,
        id: &str,
        config: &Self::Config,
        ctx: &StepContext<'_>,
    ) -> Result<(), PluginError>;
}
