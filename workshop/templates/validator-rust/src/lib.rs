//! An Olive validator: limits of the server that our adapters run on.

use olive_validator_api::{
    Applicability, Context, Diagnostic, Document, PlannedStep, Rule, Validator, export_validator,
    integer, setting,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// Settings of the validator, under `validators.config.acme-rules` of a workflow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AcmeRulesConfig {
    /// Largest rank of an adapter that the server takes.
    #[schemars(range(min = 1))]
    pub max_rank: i64,
}

impl Default for AcmeRulesConfig {
    fn default() -> Self {
        Self { max_rank: 16 }
    }
}

/// The validator.
pub struct AcmeRules;

impl Validator for AcmeRules {
    type Config = AcmeRulesConfig;

    const ID: &'static str = "acme-rules";
    const SUMMARY: &'static str = "Limits of the server that our adapters run on.";

    fn rules() -> Vec<Rule> {
        let summary = "An adapter has a larger rank than the server takes.".to_owned();
        vec![Rule {
            code: "rank-too-large".to_owned(),
            summary,
            url: None,
        }]
    }

    fn validate(document: &Document, config: &AcmeRulesConfig, _: &Context) -> Vec<Diagnostic> {
        let steps = document.steps.iter();
        let adapters = steps.filter(|step| step.adapter.as_deref() == Some("adds"));
        adapters
            .filter_map(|step| rank(step, config.max_rank))
            .collect()
    }
}

/// The finding that the adapter of `step` has a larger rank than the server takes.
fn rank(step: &PlannedStep, limit: i64) -> Option<Diagnostic> {
    let rank = integer(&step.config, "r").filter(|&rank| rank > limit)?;
    let place = setting(step, "r");
    let message = format!("the adapter has rank {rank}, and the server takes {limit} at most");
    let patch = json!([{"op": "add", "path": place, "value": limit}]);
    let title = format!("Lower `r` to {limit}");
    let told = Diagnostic::error("rank-too-large", place, message).with_help(format!(
        "lower `r` to {limit}, or serve the adapter elsewhere"
    ));
    Some(told.with_fix(title, patch, Applicability::MaybeIncorrect))
}

export_validator! { AcmeRules }
