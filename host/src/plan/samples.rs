//! Samples that a run is to leave: of which metrics, how many, where.

use std::path::{Path, PathBuf};

use olive_schemas::metric::EvaluatorConfig;

use crate::store::StepKey;

/// Samples of a metric of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedSamples {
    /// The step that measures it.
    pub step: StepKey,
    /// Name of the metric.
    pub metric: String,
    /// What people call the model.
    pub of: String,
    /// How many of its samples are wanted at most.
    pub count: usize,
    /// Folder they go to; absolute.
    pub folder: PathBuf,
}

/// The samples that `evaluator` asks for of the model `of`, which the step `step` measures; relative
/// paths start at `folder`.
pub(super) fn of(
    evaluator: &EvaluatorConfig,
    step: &StepKey,
    of: &str,
    folder: &Path,
) -> Vec<PlannedSamples> {
    let wanted = evaluator.metrics.iter().filter_map(|metric| {
        let dir = metric.sample_log_dir.as_ref().filter(|_| metric.sample_log_num > 0)?;
        Some(PlannedSamples {
            step: step.clone(),
            metric: metric.name.clone(),
            of: of.to_owned(),
            count: metric.sample_log_num,
            folder: folder.join(dir),
        })
    });
    wanted.collect()
}
