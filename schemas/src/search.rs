//! Search: which variants of a workflow are tried, and how each came out.

use std::fmt;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::PluginError;
use crate::goal::GoalOutcome;

/// How to search for the best model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-ignored" = {
    "multivariate": {"reason": "settings are estimated one by one", "harmless": true},
    "group": {"reason": "settings are estimated one by one", "harmless": true},
    "with_replacement": {"reason": "no variant is tried twice", "harmless": true}
}))]
pub struct SearchStrategy {
    /// Whether all passes are searched as one space, or one after the other.
    pub execution_order: ExecutionOrder,
    /// Which variants are tried.
    pub sampler: Sampler,
    /// Variants begun at most; 0 for all. Each stage of `pass-by-pass` counts anew.
    pub max_samples: usize,
    /// Start of the random numbers of the samplers `random` and `tpe`.
    pub seed: u64,
    /// Models that are placed: the best as the result, the next ones as candidates beside it.
    #[schemars(range(min = 1))]
    pub output_model_num: usize,
    /// Whether the first model that meets every goal ends the search, unless it is `pass-by-pass`.
    pub stop_when_goals_met: bool,
    /// Whether a variant is measured no further once it is worse than the models kept so far, in a
    /// figure that counts before those that are left to measure.
    pub stop_worse: bool,
    /// Variants begun at most, as `max_samples`: the lower of the two counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_iter: Option<usize>,
    /// Seconds after which no further variant is begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_time: Option<f64>,
    /// Whether settings of passes are searched, or only which passes run.
    pub include_pass_params: bool,
    /// Variants tried at a time; those that run on this machine share its threads.
    ///
    /// One where `latency` or `throughput` is measured, which others would disturb; whether a
    /// `custom` metric measures time is not known.
    #[schemars(range(min = 1))]
    pub parallel_trials: usize,
}

impl Default for SearchStrategy {
    fn default() -> Self {
        Self {
            execution_order: ExecutionOrder::Joint,
            sampler: Sampler::Sequential,
            max_samples: 0,
            seed: 1,
            output_model_num: 1,
            stop_when_goals_met: false,
            stop_worse: false,
            max_iter: None,
            max_time: None,
            include_pass_params: true,
            parallel_trials: 1,
        }
    }
}

impl SearchStrategy {
    /// Variants begun at most, in each stage of `pass-by-pass`; none for all.
    pub fn limit(&self) -> Option<usize> {
        let samples = Some(self.max_samples).filter(|samples| *samples > 0);
        samples.into_iter().chain(self.max_iter).min()
    }
}

/// Order in which passes are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutionOrder {
    /// All passes as one space.
    Joint,
    /// One pass after the other, each from the best model of the one before.
    PassByPass,
}

/// Which variants are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sampler {
    /// All, in the order in which they are written.
    Sequential,
    /// Random ones, none twice.
    Random,
    /// Those that a tree-structured Parzen estimator (Bergstra et al. 2011) proposes.
    Tpe,
}

/// Values of a setting that a search tries: a list, or a range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SearchValues {
    /// These values.
    List(#[schemars(length(min = 1))] Vec<Value>),
    /// These values or a range of numbers, under a condition.
    Domain(SearchDomain),
}

/// Values or a range of numbers, and when they matter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SearchDomain {
    /// The values, when they are no range.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub values: Option<Vec<Value>>,
    /// Least number of the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<serde_json::Number>,
    /// Greatest number of the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<serde_json::Number>,
    /// Distance of neighbors, or their ratio on a logarithmic scale; a range of whole numbers has
    /// all of them when this is left out, another one has no neighbors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<serde_json::Number>,
    /// How numbers are spread over the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// Settings searched beside this one and the values of theirs with which this one matters; with
    /// others it keeps its usual value.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub when: IndexMap<String, Vec<Value>>,
}

impl SearchDomain {
    /// Whether anything of a range of numbers is said.
    pub fn has_range(&self) -> bool {
        let ends = [&self.min, &self.max, &self.step];
        ends.into_iter().any(Option::is_some) || self.scale.is_some()
    }
}

/// How numbers are spread over a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Evenly.
    Linear,
    /// Their logarithms evenly.
    Log,
}

/// A search as it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchRecord {
    /// Order in which passes were searched.
    pub execution_order: ExecutionOrder,
    /// Which variants were tried.
    pub sampler: Sampler,
    /// Start of the random numbers.
    pub seed: u64,
    /// Variants there are; `None` when a setting takes any number of a range.
    pub variants: Option<u64>,
    /// What ranks models, the most important first.
    pub objectives: Vec<Objective>,
    /// Every variant that was looked at, in order.
    pub trials: Vec<TrialRecord>,
    /// Numbers of the trials whose models are chosen, the best first, which is the result; none when
    /// no model meets the goals.
    pub chosen: Vec<usize>,
    /// Where the other chosen models lie, when the run has an output folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// Number of the trial that comes nearest to the goals, when none meets them.
    pub nearest: Option<usize>,
    /// Why it ended.
    pub end: SearchEnd,
}

impl SearchRecord {
    /// The trial with this number.
    pub fn trial(&self, number: usize) -> Option<&TrialRecord> {
        self.trials.iter().find(|trial| trial.number == number)
    }
}

/// A chosen model that is not the best one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// Its place among the chosen models, from 2.
    pub rank: usize,
    /// Number of its trial.
    pub trial: usize,
    /// Its folder below the output folder, such as `candidates/2`.
    pub folder: String,
}

/// A figure that ranks models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Objective {
    /// The figure, `<metric>-<sub-metric>`.
    pub figure: String,
    /// Which direction is better.
    pub higher_is_better: bool,
}

/// One variant of the workflow and how it came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialRecord {
    /// Its number, from 1.
    pub number: usize,
    /// The pass that this stage searched, when passes are searched one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// What sets it apart from other variants.
    pub choices: Vec<Choice>,
    /// Content ids of its models, in order of making; the first is the input model.
    pub models: Vec<String>,
    /// How it ended.
    pub outcome: TrialOutcome,
    /// How its last model meets the goals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<GoalOutcome>,
    /// Whether no other trial that meets the goals is as good in every objective and better in one.
    pub is_pareto: bool,
    /// Wall time in seconds; what was reused took none.
    pub duration_sec: f64,
}

impl TrialRecord {
    /// Whether it made a model and measured it, if only in part.
    pub fn has_model(&self) -> bool {
        match self.outcome {
            TrialOutcome::Done | TrialOutcome::Stopped { .. } | TrialOutcome::Beaten { .. } => true,
            TrialOutcome::Skipped { .. } | TrialOutcome::Failed { .. } => false,
        }
    }

    /// Whether it was measured and meets every goal.
    pub fn meets_goals(&self) -> bool {
        self.outcome == TrialOutcome::Done && self.goals.iter().all(GoalOutcome::is_met)
    }

    /// Its choices in a line, such as `quantize=OnnxKQuantQuantization quantize.bits=4`.
    pub fn label(&self) -> String {
        let choices: Vec<String> = self.choices.iter().map(Choice::to_string).collect();
        choices.join(" ")
    }
}

/// One decision of a variant: which alternative of a pass, or the value of a setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Choice {
    /// Name of the pass in the workflow.
    pub pass: String,
    /// The setting; `None` when it is which alternative runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<String>,
    /// The setting's value, or the type of the alternative; `null` when the pass is left out.
    pub value: Value,
}

impl Choice {
    /// What is decided, such as `quantize.bits`.
    pub fn name(&self) -> String {
        match &self.setting {
            Some(setting) => format!("{}.{setting}", self.pass),
            None => self.pass.clone(),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        match &self.value {
            Value::String(text) => write!(f, "={text}"),
            Value::Null => f.write_str("=none"),
            other => write!(f, "={other}"),
        }
    }
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrialOutcome {
    /// Its model was made and measured.
    Done,
    /// It cannot work and was not begun.
    Skipped {
        /// Why.
        reason: String,
    },
    /// It missed a goal before everything was measured.
    Stopped {
        /// The figure that missed its goal.
        figure: String,
    },
    /// It was worse than what is kept before everything was measured.
    Beaten {
        /// The figure in which it is worse.
        figure: String,
        /// Number of the trial that is better.
        by: usize,
    },
    /// A step failed.
    Failed {
        /// The step.
        step: String,
        /// Why.
        error: PluginError,
    },
}

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchEnd {
    /// There are no further variants.
    Exhausted,
    /// As many were tried as were asked for.
    Samples,
    /// The time was up.
    Time,
    /// A model met every goal.
    GoalsMet,
    /// The user stopped it.
    Cancelled,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Choice, SearchStrategy, SearchValues};

    #[test]
    fn a_strategy_says_only_what_is_unusual() {
        let strategy: SearchStrategy =
            serde_json::from_value(json!({"sampler": "tpe", "max_samples": 3})).unwrap();
        assert_eq!((strategy.max_samples, strategy.seed, strategy.output_model_num), (3, 1, 1));
        assert!(serde_json::from_value::<SearchStrategy>(json!({"samples": 3})).is_err());
    }

    #[test]
    fn values_are_a_list_or_a_domain() {
        let read = |value| serde_json::from_value::<SearchValues>(value);
        assert!(matches!(read(json!([4, 8])), Ok(SearchValues::List(values)) if values.len() == 2));
        let range = json!({"min": 1e-5, "max": 1e-3, "scale": "log", "when": {"bits": [4]}});
        assert!(matches!(read(range), Ok(SearchValues::Domain(range)) if range.when.len() == 1));
        assert!(read(json!({"from": 1})).is_err());
    }

    #[test]
    fn choices_are_shown_as_they_are_spoken_of() {
        let choice = |setting: Option<&str>, value| Choice {
            pass: "quantize".into(),
            setting: setting.map(str::to_owned),
            value,
        };
        for (choice, shown) in [
            (choice(None, json!("ModelBuilder")), "quantize=ModelBuilder"),
            (choice(None, Value::Null), "quantize=none"),
            (choice(Some("block_size"), json!(32)), "quantize.block_size=32"),
        ] {
            assert_eq!(choice.to_string(), shown);
        }
    }
}
