//! What a training writes while it runs: checkpoints, failed batches, events.

use std::path::{Path, PathBuf};

use olive_kit_adapters::{Adapters, Parameter};
use olive_kit_checkpoint::files;
use olive_kit_decoder::Batch;
use serde_json::json;

use crate::batches::MicroBatch;
use crate::checkpoint::{
    Checkpoints, Folder, Identity, Resume, TrainerState, folder_name, resume, resume_newest,
};
use crate::error::TrainError;
use crate::history::LogEntry;
use crate::optimizer::Optimizer;
use crate::sequence::TrainingData;
use crate::settings::TrainingSettings;
use crate::tensorboard::EventLog;

/// What a training writes beside the adapters it leaves in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outputs<'a> {
    /// Checkpoints, and whether to go on from one.
    pub checkpoints: Option<Checkpoints<'a>>,
    /// Folder for `TensorBoard`'s event file.
    pub events: Option<&'a Path>,
}

/// Where all of it goes.
pub(crate) struct Store<'a> {
    checkpoints: Option<Checkpoints<'a>>,
    events: Option<EventLog>,
    /// Whether anything is written.
    writes: bool,
}

impl<'a> Store<'a> {
    /// Makes the folders.
    pub(crate) fn open(outputs: &Outputs<'a>) -> Result<Self, TrainError> {
        if let Some(checkpoints) = &outputs.checkpoints {
            folder(checkpoints).open()?;
        }
        let events = outputs.events.map(EventLog::create).transpose()?;
        Ok(Self { checkpoints: outputs.checkpoints, events, writes: true })
    }

    /// For a rank that reads what rank 0 writes.
    pub(crate) fn reading(outputs: &Outputs<'a>) -> Self {
        Self { checkpoints: outputs.checkpoints, events: None, writes: false }
    }

    /// What checkpoints say the training is.
    pub(crate) fn identity(
        &self,
        settings: &TrainingSettings,
        data: TrainingData<'_>,
        parameters: &[Parameter],
        ranks: usize,
    ) -> Option<Identity> {
        let model = self.checkpoints.as_ref()?.model;
        Some(Identity::new(model, settings, data, parameters, ranks))
    }

    /// Whether to go on from a checkpoint.
    pub(crate) fn wanted(&self) -> Resume<'a> {
        self.checkpoints.map_or(Resume::No, |checkpoints| checkpoints.resume)
    }

    /// Sets adapters and optimizer to those of the checkpoint to go on from, if there is one;
    /// `skipped` hears of newer ones that cannot be read.
    pub(crate) fn resume(
        &self,
        wanted: Resume<'_>,
        identity: Option<&Identity>,
        adapters: &mut Adapters,
        optimizer: &mut Optimizer,
        skipped: &mut dyn FnMut(&TrainError),
    ) -> Result<Option<(PathBuf, TrainerState)>, TrainError> {
        let Some(checkpoints) = &self.checkpoints else { return Ok(None) };
        let identity = identity.filter(|_| !checkpoints.accepts_changes);
        match wanted {
            Resume::No => Ok(None),
            Resume::From(path) => {
                let state = resume(path, identity, adapters, optimizer)?;
                Ok(Some((path.to_owned(), state)))
            }
            Resume::Newest => {
                resume_newest(checkpoints.dir, identity, adapters, optimizer, skipped)
            }
        }
    }

    /// Writes the checkpoint of a step, when there is a folder for it.
    pub(crate) fn save(
        &self,
        adapters: &Adapters,
        optimizer: &Optimizer,
        state: &TrainerState,
    ) -> Result<Option<PathBuf>, TrainError> {
        let Some(checkpoints) = self.written() else { return Ok(None) };
        let path = folder(checkpoints).save(adapters, optimizer, state)?;
        Ok(Some(path))
    }

    /// Takes away the oldest checkpoints but `limit` and the best.
    pub(crate) fn keep(&self, limit: Option<usize>, best: Option<usize>) {
        if let (Some(checkpoints), Some(limit)) = (self.written(), limit) {
            folder(checkpoints).keep(limit, best);
        }
    }

    /// The checkpoints, where this process writes them.
    fn written(&self) -> Option<&Checkpoints<'a>> {
        self.checkpoints.as_ref().filter(|_| self.writes)
    }

    /// The checkpoint of a step, if there is one.
    pub(crate) fn has(&self, step: usize) -> Option<PathBuf> {
        let path = self.checkpoints.as_ref()?.dir.join(folder_name(step));
        path.is_dir().then_some(path)
    }

    /// Writes the batches that led to a number that is none, as well as it goes.
    pub(crate) fn failed(&self, step: usize, batches: &[MicroBatch]) -> Option<PathBuf> {
        let path = self.written()?.dir.join(format!("failed-batch-{step}.json"));
        let batches: Vec<_> = batches
            .iter()
            .map(|MicroBatch { blocks, batch }| {
                let Batch { input_ids, attention_mask, labels, segments, seq, .. } = batch;
                json!({
                    "blocks": blocks,
                    "input_ids": rows(input_ids, *seq),
                    "attention_mask": attention_mask.as_ref().map(|mask| rows(mask, *seq)),
                    "labels": rows(labels, *seq),
                    "segments": segments.as_ref().map(|segments| rows(segments, *seq)),
                })
            })
            .collect();
        let text = json!({"step": step, "batches": batches}).to_string();
        files::write_whole(&path, text.as_bytes()).ok().map(|()| path)
    }

    /// Writes an entry of the history as events.
    pub(crate) fn log(&mut self, entry: &LogEntry) -> Result<(), TrainError> {
        self.events.as_mut().map_or(Ok(()), |events| events.log(entry))
    }
}

fn folder<'a>(checkpoints: &Checkpoints<'a>) -> Folder<'a> {
    Folder { dir: checkpoints.dir, write_adapter: checkpoints.write_adapter }
}

fn rows<T: Copy>(values: &[T], row_len: usize) -> Vec<Vec<T>> {
    values.chunks(row_len.max(1)).map(<[T]>::to_vec).collect()
}
