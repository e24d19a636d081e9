//! What host and systems say to each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::ranks::{is_one, one};

/// Config of a system step: the system's settings, and what it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SystemRequest {
    /// Settings beside `type` and `accelerators`.
    pub config: Value,
    /// What is asked.
    pub call: SystemCall,
}

/// What a system is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum SystemCall {
    /// Find what keeps steps from running.
    Probe,
    /// Start a job.
    Submit {
        /// The job.
        job: Box<Job>,
    },
    /// Start jobs that follow each other; only systems that say `chains` are asked.
    SubmitChain {
        /// The jobs in order.
        jobs: Vec<ChainedJob>,
    },
    /// Start jobs that need nothing of each other; only systems that say `batches` are asked.
    SubmitBatch {
        /// The jobs.
        jobs: Vec<Job>,
        /// How many may run at a time.
        at_a_time: usize,
    },
    /// Say how a job is.
    Poll {
        /// Id of the job.
        id: String,
    },
    /// End a job.
    Cancel {
        /// Id of the job.
        id: String,
    },
    /// Give what the worker has written.
    Logs {
        /// Id of the job.
        id: String,
        /// First byte wanted.
        from: u64,
    },
    /// Bring the files of an ended job.
    Collect {
        /// Id of the job.
        id: String,
    },
    /// Say what would be sent to start a job; only to systems that rehearse.
    Rehearse {
        /// The job; files that an earlier step makes do not exist.
        job: Box<Job>,
    },
    /// Make something that the system runs on; only to systems that have such resources.
    Create {
        /// Name of the resource.
        resource: String,
        /// Settings that fit its schema `create`.
        settings: Value,
    },
    /// Remove it; only to systems that have such resources.
    Delete {
        /// Name of the resource.
        resource: String,
        /// Settings that fit its schema `delete`.
        settings: Value,
    },
}

/// What a system answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reply", content = "value", rename_all = "snake_case")]
pub enum SystemReply {
    /// To `probe`: what is in the way.
    Problems(Vec<Diagnostic>),
    /// To `submit`: the id of the job.
    Submitted(String),
    /// To `submit_chain` and `submit_batch`: the ids of the jobs in their order.
    SubmittedAll(Vec<String>),
    /// To `poll`.
    State(JobState),
    /// To `logs`.
    Logs(LogPart),
    /// To `cancel` and `collect`.
    Done,
    /// To `rehearse`: everything that would be sent, in order.
    Messages(Vec<Message>),
    /// To `create` and `delete`: what has become of it, in a sentence.
    Told(String),
}

/// Something that a system would send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// The request or the command, on one line; without secrets.
    pub title: String,
    /// What goes with it, as it is, such as a body or a script; empty when nothing does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub content: String,
}

/// A worker to be run elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// Name for people, such as `lora (LoRA)`.
    pub title: String,
    /// The program to start; absolute.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables to set for it.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// What it reads from standard input, which then stays open until the job is cancelled.
    pub input: String,
    /// Existing, empty folder for what the system remembers of the job; kept until the step ends.
    pub folder: PathBuf,
    /// Files and folders the job reads; links in them lead to files that it reads too, wherever
    /// they lie.
    pub inputs: Vec<PathBuf>,
    /// Folders the job writes; existing and empty.
    pub outputs: Vec<PathBuf>,
    /// Existing folder of checkpoints that the job reads and writes, to be brought back also from a
    /// job that was cancelled or lost; a later job for the same step starts from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<PathBuf>,
    /// Threads each worker of the job may use.
    pub threads: usize,
    /// Workers to be started with this input, as ranks that see the same folders; messages are
    /// those of rank 0. Each finds its number in `OLIVE_RANK` or, under Slurm, in `SLURM_PROCID`.
    /// More than 1 only for systems whose schema has the mark `x-olive-ranks`.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1))]
    pub ranks: usize,
}

/// Variable in which the worker of a chained job finds the file with all that the worker of the job
/// [`ChainedJob::model_from`] has written to standard output.
pub const MODEL_FROM: &str = "OLIVE_MODEL_FROM";

/// A job that starts when the one before it has ended with exit code 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChainedJob {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// Number, from 0, of the earlier job of the chain that makes the model which this one works on;
    /// none when that model is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_from: Option<usize>,
}

/// How a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum JobState {
    /// Waiting for its turn.
    Queued {
        /// Why, when the system says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Under way.
    Running,
    /// Ended, well or not; what the worker wrote says which.
    Ended {
        /// Exit code of the worker, when known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
    },
    /// Ended by the system: out of time or memory, removed by somebody.
    Lost {
        /// What the system says.
        reason: String,
    },
}

/// A part of what a worker wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPart {
    /// The text, from the asked byte on; whole lines only while the job runs.
    pub text: String,
    /// Where the next part begins, in bytes.
    pub next: u64,
}
