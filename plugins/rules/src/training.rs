//! How long a training is, as far as a config tells.

use olive_validator_api::{Document, PlannedStep, escaped, number, setting, switch, text};
use serde_json::{Map, Value};

use crate::parts::Data;

/// Times through the data when nothing is said.
const DEFAULT_EPOCHS: f64 = 3.0;

/// Blocks of a batch when nothing is said.
const DEFAULT_BATCH: i64 = 8;

/// The `training_args` of a step that trains, with pointers into the workflow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Training<'a> {
    step: &'a PlannedStep,
    args: Option<&'a Map<String, Value>>,
}

/// The largest number of steps a training can take, and why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StepLimit {
    /// Optimizer steps.
    pub(crate) steps: i64,
    /// Pointer of the setting that limits them.
    pub(crate) pointer: String,
    /// The setting as a clause names it.
    pub(crate) reason: String,
}

impl<'a> Training<'a> {
    /// The training of `step`.
    pub(crate) fn of(step: &'a PlannedStep) -> Self {
        Self { step, args: step.config.get("training_args").and_then(Value::as_object) }
    }

    /// Pointer of an argument.
    pub(crate) fn pointer(&self, key: &str) -> String {
        format!("{}/{}", setting(self.step, "training_args"), escaped(key))
    }

    /// A whole number among the arguments, which may be written as a float.
    pub(crate) fn integer(&self, key: &str) -> Option<i64> {
        let number = number(self.args?, key)?;
        (number.fract() == 0.0).then(|| whole(number))
    }

    /// A word among the arguments.
    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        text(self.args?, key)
    }

    /// Whether an argument is true; `default` when nothing is said.
    pub(crate) fn is_on(&self, key: &str, default: bool) -> bool {
        self.args.and_then(|args| switch(args, key)).unwrap_or(default)
    }

    /// `max_steps`, unless the epochs decide.
    pub(crate) fn max_steps(&self) -> Option<i64> {
        self.integer("max_steps").filter(|steps| *steps > 0)
    }

    /// Whether there is data to compute the evaluation loss on.
    pub(crate) fn has_evaluation_data(&self) -> bool {
        let config = &self.step.config;
        text(config, "eval_data_config").is_some() || number(config, "eval_dataset_size").is_some()
    }

    /// Whether the evaluation loss is computed every so many steps.
    pub(crate) fn evaluates_by_steps(&self) -> bool {
        let strategy = self.text("eval_strategy");
        self.has_evaluation_data() && strategy.is_none_or(|strategy| strategy == "steps")
    }

    /// The data config that is trained on.
    pub(crate) fn data(&self, document: &'a Document) -> Option<Data<'a>> {
        Data::named(document, text(&self.step.config, "train_data_config")?)
    }

    /// Blocks of a batch that is trained on.
    pub(crate) fn batch(&self) -> i64 {
        self.integer("per_device_train_batch_size").unwrap_or(DEFAULT_BATCH).max(1)
    }

    /// Blocks of a batch that is evaluated.
    pub(crate) fn evaluation_batch(&self) -> i64 {
        self.integer("per_device_eval_batch_size").unwrap_or(DEFAULT_BATCH).max(1)
    }

    /// Batches of a step.
    pub(crate) fn accumulation(&self) -> i64 {
        self.integer("gradient_accumulation_steps").unwrap_or(1).max(1)
    }

    /// The largest number of steps, when the config limits them.
    ///
    /// `max_steps` does; else one block a row and `max_samples` rows do, by the epochs.
    pub(crate) fn limit(&self, document: &'a Document) -> Option<StepLimit> {
        if let Some(steps) = self.max_steps() {
            let pointer = self.pointer("max_steps");
            return Some(StepLimit { steps, pointer, reason: format!("`max_steps` is {steps}") });
        }
        let data = self.data(document).filter(|data| data.strategy() == "line-by-line")?;
        let rows = data.setting("max_samples")?.as_i64()?;
        let epochs = self.args.and_then(|args| number(args, "num_train_epochs"));
        let epochs = epochs.unwrap_or(DEFAULT_EPOCHS);
        let per_step = self.batch().saturating_mul(self.accumulation());
        let an_epoch = (self.kept(rows) as f64 / per_step as f64).ceil();
        let name = data.name();
        Some(StepLimit {
            steps: whole((epochs * an_epoch).ceil()),
            pointer: format!("{}/pre_process_data_config/max_samples", data.pointer()),
            reason: format!(
                "data config `{name}` has at most {rows} rows, {per_step} a step for {epochs} \
                 epochs"
            ),
        })
    }

    /// How many of `blocks` are trained on when some are kept back for evaluation.
    fn kept(&self, blocks: i64) -> i64 {
        let config = &self.step.config;
        if text(config, "eval_data_config").is_some() {
            return blocks;
        }
        let kept_back = match number(config, "eval_dataset_size") {
            Some(size) if size >= 1.0 => size,
            Some(share) => (blocks as f64 * share).ceil(),
            None => 0.0,
        };
        blocks.saturating_sub(whole(kept_back)).max(0)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a whole number; out of range saturates")]
fn whole(number: f64) -> i64 {
    number as i64
}
