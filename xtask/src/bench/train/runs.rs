//! Runs of one training and their figures.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::super::figures::median;
use super::super::program::program;
use crate::command;
use crate::error::ChoreError;

/// One training, as both sides read it.
#[derive(Debug, Clone, serde::Serialize)]
pub(super) struct Training {
    pub(super) model: PathBuf,
    pub(super) precision: String,
    pub(super) seq: usize,
    pub(super) batch: usize,
    pub(super) rank: usize,
    pub(super) targets: Vec<String>,
    pub(super) checkpointing: bool,
    pub(super) steps: usize,
}

/// The measuring program, which also writes random models, and where it writes them.
#[derive(Debug)]
pub(crate) struct Writer {
    program: PathBuf,
    folder: PathBuf,
}

/// How runs are made.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) writer: Writer,
    pub(super) threads: usize,
}

/// The best rates of products, operations a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peak {
    pub(super) f32: f64,
    pub(super) bf16: f64,
}

impl Peak {
    pub(super) fn of(self, precision: &str) -> f64 {
        if precision == "f32" { self.f32 } else { self.bf16 }
    }
}

/// Medians of one side: of the steps after the first.
#[derive(Debug, Clone, Default)]
pub(super) struct Side {
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) tokens: f64,
    pub(super) peak_bytes: f64,
    pub(super) load_peak_bytes: f64,
    pub(super) losses: Vec<f64>,
}

impl Writer {
    /// Builds the program.
    pub(crate) fn new(folder: &Path) -> Result<Self, ChoreError> {
        let program = program("olive-kit-train", "steps")?;
        Ok(Self { program, folder: folder.to_owned() })
    }

    /// The folder of a model with random weights for `config`, written once.
    pub(crate) fn random_model(&self, name: &str, config: &Value) -> Result<PathBuf, ChoreError> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&self.folder).map_err(ChoreError::file("make", &self.folder))?;
        let done = folder.join("model.safetensors").exists()
            || folder.join("model.safetensors.index.json").exists();
        if !done {
            let file = self.folder.join(format!("{name}.json"));
            fs::write(&file, config.to_string()).map_err(ChoreError::file("write", &file))?;
            command::run(Command::new(&self.program).arg("write").arg(&file).arg(&folder))?;
        }
        Ok(folder)
    }
}

impl Trial {
    pub(super) fn peak(&self) -> Result<Peak, ChoreError> {
        let said =
            command::output(self.pinned(&mut Command::new(&self.writer.program)).arg("peak"))?;
        let rates: Value = self.parse(said.trim())?;
        let rate = |name: &str| rates[name].as_f64().unwrap_or(f64::NAN);
        Ok(Peak { f32: rate("f32"), bf16: rate("bf16") })
    }

    /// One run of ours.
    pub(super) fn ours(&self, training: &Training) -> Result<Side, ChoreError> {
        let mut command = Command::new(&self.writer.program);
        command.arg("run").arg(json!(training).to_string());
        self.side(&mut command)
    }

    /// One run of a program that prints a JSON object for each step.
    pub(super) fn side(&self, command: &mut Command) -> Result<Side, ChoreError> {
        let said = command::output(self.pinned(command))?;
        let lines = said.lines().filter(|line| line.starts_with('{'));
        let lines = lines.map(|line| self.parse(line)).collect::<Result<Vec<_>, _>>()?;
        let number = |line: &Value, name: &str| line[name].as_f64();
        let all =
            |name: &str| lines.iter().filter_map(|line| number(line, name)).collect::<Vec<_>>();
        let settled = |name: &str| median(all(name).get(1..).unwrap_or_default());
        Ok(Side {
            seconds: settled("seconds"),
            cpu_seconds: settled("cpu_seconds"),
            tokens: settled("tokens"),
            peak_bytes: all("peak_bytes").pop().unwrap_or(f64::NAN),
            load_peak_bytes: all("load_peak_bytes").pop().unwrap_or(f64::NAN),
            losses: all("loss"),
        })
    }

    /// The same number of threads for every side, none of which waits by turning round.
    fn pinned<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let threads = self.threads.to_string();
        command
            .env("RAYON_NUM_THREADS", &threads)
            .env("OMP_NUM_THREADS", &threads)
            .env("OMP_WAIT_POLICY", "PASSIVE")
            .env("HF_HUB_OFFLINE", "1")
    }

    fn parse(&self, line: &str) -> Result<Value, ChoreError> {
        serde_json::from_str(line).map_err(|error| ChoreError::Content {
            path: self.writer.program.clone(),
            problem: error.to_string(),
        })
    }
}

impl Side {
    /// The median of each figure over several runs; losses are those of the first.
    pub(super) fn median(sides: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(&sides.iter().map(figure).collect::<Vec<_>>());
        Self {
            seconds: of(|side| side.seconds),
            cpu_seconds: of(|side| side.cpu_seconds),
            tokens: of(|side| side.tokens),
            peak_bytes: of(|side| side.peak_bytes),
            load_peak_bytes: of(|side| side.load_peak_bytes),
            losses: sides.first().map(|side| side.losses.clone()).unwrap_or_default(),
        }
    }

    pub(super) fn figures(&self) -> Value {
        json!({
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "tokens_per_second": self.tokens / self.seconds,
            "peak_bytes": self.peak_bytes,
            "load_peak_bytes": self.load_peak_bytes,
            "losses": self.losses,
        })
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: f64| bytes / f64::from(1 << 20);
        write!(
            f,
            "{:.3} s a step, {:.2} CPU-s, {:.0} tokens/s, peak {:.0} MiB ({:.0} after loading)",
            self.seconds,
            self.cpu_seconds,
            self.tokens / self.seconds,
            mib(self.peak_bytes),
            mib(self.load_peak_bytes),
        )
    }
}
