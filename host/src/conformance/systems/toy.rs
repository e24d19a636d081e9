//! The toy that systems are tried with: a process plugin that copies what it reads.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use olive_schemas::error::PluginError;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::protocol::Call;
use olive_schemas::step::{Accelerator, StepKind, StepRequest};
use olive_schemas::system::Job;
use serde_json::json;

use super::super::world::World;
use crate::engine::job;
use crate::plugin::manifest::SUFFIX;

/// What a job says once it is under way.
pub(super) const BEGUN: &str = "the toy has begun";
/// What it reads.
const CONTENT: &str = "some words\nand more, without an end";
/// What it leaves for a later attempt.
const CHECKPOINT: &str = "half";
/// Word in the call of a job that waits until it is cancelled.
const WAIT: &str = "toy_waits";
/// Folders of the step are those beside that for temporary files.
const SCRIPT: &str = r#"read -r call
step=${TMPDIR%/*}
printf %s half >"$step/checkpoints/half"
cp words "$step/output/words"
echo '{"event": "log", "level": "info", "message": "the toy has begun"}'
case $call in *toy_waits*)
    while read -r word; do [ "$word" = cancel ] && break; done
    echo '{"event": "failed", "error": {"code": "cancelled", "message": "stopped"}}'
    exit ;;
esac
echo '{"event": "progress", "unit": "file", "done": 1, "total": 1}'
printf '{"event": "done", "answer": {"kind": "text", "value": "with %s threads"}}\n' "$OMP_NUM_THREADS"
"#;
/// Threads that the toy is told to use.
const THREADS: usize = 2;

/// The files of one job.
pub(super) struct Toy {
    root: PathBuf,
    call: Call,
}

impl Toy {
    /// A toy in a folder of its own, which `waits` until it is cancelled.
    pub(super) fn new(world: &World, waits: bool) -> io::Result<Self> {
        let root = world.run_folder()?;
        let plugin = root.join("plugin");
        for folder in ["plugin", "checkpoints", "model", "job"] {
            fs::create_dir(root.join(folder))?;
        }
        let manifest = json!({"protocol": "^1.0", "command": ["sh", "toy.sh"]});
        let path = plugin.join(format!("toy{SUFFIX}"));
        fs::write(&path, manifest.to_string())?;
        fs::write(plugin.join("toy.sh"), SCRIPT)?;
        fs::write(plugin.join("words"), CONTENT)?;
        let request = StepRequest {
            kind: StepKind::Pass,
            name: "Toy".into(),
            config: if waits { json!({WAIT: true}) } else { json!({}) },
            input: Model::new(ModelKind::Hf, root.join("model")),
            is_input_final: true,
            data_configs: BTreeMap::new(),
            output_dir: root.join("output"),
            scratch_dir: root.join("scratch"),
            checkpoint_dir: Some(root.join("checkpoints")),
            shared_dir: None,
            ranks: 1,
            threads: THREADS,
            accelerator: Accelerator::default(),
            execution_provider_library: None,
            package: None,
        };
        let call = Call::Run { plugin: path.into(), request: Box::new(request) };
        Ok(Self { root, call })
    }

    /// The job.
    pub(super) fn job(&self) -> Result<Job, PluginError> {
        job("toy (Toy)", &self.call, THREADS, &self.folder())
    }

    /// What the system keeps of the job.
    pub(super) fn folder(&self) -> PathBuf {
        self.root.join("job")
    }

    /// Words of its last message: it has had its variables.
    pub(super) fn answer() -> String {
        format!("with {THREADS} threads")
    }

    /// Whether what the job wrote is here, and what it read is as it was.
    pub(super) fn check_files(&self) -> Result<String, String> {
        let is_as = |path: &Path, content: &str| match fs::read_to_string(path) {
            Ok(found) if found == content => Ok(()),
            Ok(_) => Err(format!("`{}` is not as it was written", path.display())),
            Err(error) => Err(format!("`{}`: {error}", path.display())),
        };
        is_as(&self.root.join("plugin/words"), CONTENT)?;
        is_as(&self.root.join("output/words"), CONTENT)?;
        self.check_checkpoint()?;
        Ok("they are as they were written".into())
    }

    /// Whether the checkpoint of the job is here.
    pub(super) fn check_checkpoint(&self) -> Result<(), String> {
        let path = self.root.join("checkpoints").join(CHECKPOINT);
        match fs::read_to_string(&path) {
            Ok(found) if found == CHECKPOINT => Ok(()),
            Ok(_) => Err("the checkpoint is not as it was written".into()),
            Err(error) => Err(format!("the checkpoint was not brought back: {error}")),
        }
    }
}

impl Drop for Toy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Whether there is a shell for it.
pub(super) fn can_run() -> bool {
    cfg!(unix)
}
