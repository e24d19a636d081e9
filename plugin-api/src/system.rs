//! Systems: where steps run when they do not run here.

use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::error::PluginError;
use olive_schemas::system::{ChainedJob, Job, JobState, LogPart, Message};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::StepContext;
use crate::resource::Resources;

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
/// A system with [`System::CHAINS`] takes steps that follow each other all at once, so that they go on
/// without the host; one with [`System::BATCHES`] takes the trials of a search all at once. Each of
/// their jobs is then polled, heard, cancelled and collected by its own id. A job of a chain is
/// collected as soon as it has ended: what later jobs need of it must outlive that.
///
/// When the host dies, a later one follows the job by its id, with the same settings, or cancels and
/// collects it. Probes and submissions may be asked to stop ([`StepContext::is_cancelled`]): one that
/// gives [`PluginError::cancelled`] leaves no job.
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

    /// Whether it has [`System::submit_chain`].
    const CHAINS: bool = false;

    /// Whether it has [`System::submit_batch`].
    const BATCHES: bool = false;

    /// Whether [`System::rehearse`] has an answer.
    const REHEARSES: bool = false;

    /// What it runs on, where commands of the program make and remove that.
    fn resources() -> Resources {
        Resources::default()
    }

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

    /// Starts jobs of which each begins when the one before it has ended with exit code 0; gives their
    /// ids in order. A job after one that has failed never begins, and is lost.
    ///
    /// The worker of a job with [`ChainedJob::model_from`] finds the messages of that earlier job in
    /// the file that the variable [`MODEL_FROM`](crate::MODEL_FROM) names, and the folders of that
    /// job's outputs as it left them.
    ///
    /// # Errors
    /// When one is not accepted; then none is left.
    fn submit_chain(
        &self,
        _jobs: &[ChainedJob],
        _config: &Self::Config,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<String>, PluginError> {
        Err(missing("chains", Self::NAME))
    }

    /// Starts jobs that need nothing of each other, of which at most `at_a_time` run at a time; gives
    /// their ids in order.
    ///
    /// # Errors
    /// When one is not accepted; then none is left.
    fn submit_batch(
        &self,
        _jobs: &[Job],
        _at_a_time: usize,
        _config: &Self::Config,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<String>, PluginError> {
        Err(missing("batches", Self::NAME))
    }

    /// How the job `id` is.
    ///
    /// # Errors
    /// When the system cannot say; the host asks again before it gives up. A job that is on another
    /// machine, of which this one sees nothing, has the code [`PluginError::OTHER_MACHINE`]: the host
    /// leaves it alone.
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

    /// What the worker of the job `id` has written to standard output from byte `from` on, or the
    /// first lines of it; the host asks until nothing new comes.
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

    /// Says what [`System::submit`] would send, without sending anything. Inputs that an earlier step
    /// makes do not exist.
    ///
    /// # Errors
    /// When it cannot be said.
    fn rehearse(
        &self,
        job: &Job,
        config: &Self::Config,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Message>, PluginError> {
        let _ = (job, config, ctx);
        let message = format!("system `{}` does not say what it would send", Self::NAME);
        Err(PluginError::new("unknown-entry", message))
    }
}

fn missing(what: &str, name: &str) -> PluginError {
    PluginError::new("unknown-entry", format!("system `{name}` takes no {what}"))
}
