//! Rules among the parts of a workflow that a schema cannot say.
//!
//! A rule is one file: the constant `RULE` with its code and what it means, and the function that
//! looks for it. [`RULES`] lists them. `rules/<code>/` beside the sources holds an example where the
//! rule speaks and one where it is silent; both are tests, and parts of the page `docs/rules.md`.

mod rule;
mod parts;
mod training;
mod tuning;
mod choice;
mod walk;
mod quantizing;
mod selecting;
mod rotating;
mod building;
mod model;
mod shape;

mod adapter_over_adapter;
mod unknown_target_module;
mod precision_accelerator;
mod block_size_padding;
mod eval_steps_unreachable;
mod warmup_never_ends;
mod group_by_length_packed;
mod template_missing;
mod longer_than_model;
mod measured_on_training_rows;
mod prompt_unlike_training;
mod search_without_evaluator;
mod goal_unmeasured;
mod never_used;
mod azureml_client_incomplete;
mod planner;
mod need;

#[cfg(not(target_family = "wasm"))]
pub mod example;
#[cfg(test)]
mod page;

pub use rule::BuiltIn;

use olive_validator_api::{Context, Diagnostic, Document, Rule, Validator, export_validator};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Every rule, in the order of a workflow: passes, data, figures, systems.
pub const RULES: [BuiltIn; 15] = [
    adapter_over_adapter::RULE,
    unknown_target_module::RULE,
    precision_accelerator::RULE,
    block_size_padding::RULE,
    eval_steps_unreachable::RULE,
    warmup_never_ends::RULE,
    group_by_length_packed::RULE,
    template_missing::RULE,
    longer_than_model::RULE,
    measured_on_training_rows::RULE,
    prompt_unlike_training::RULE,
    search_without_evaluator::RULE,
    goal_unmeasured::RULE,
    never_used::RULE,
    azureml_client_incomplete::RULE,
];

/// Where the page of rules is read.
const PAGE: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/rules.md");

/// The validator `olive-rules`.
#[derive(Debug)]
pub struct OliveRules;

/// Settings of the validator `olive-rules`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RulesConfig {
    /// Codes of rules that do not speak, such as `never-used`.
    #[schemars(extend("items" = {"enum": codes()}))]
    pub off: Vec<String>,
}

impl Validator for OliveRules {
    type Config = RulesConfig;

    const ID: &'static str = "olive-rules";
    const SUMMARY: &'static str = "Rules among the parts of a workflow that a schema cannot say.";

    fn rules() -> Vec<Rule> {
        let rule = |rule: &BuiltIn| Rule {
            code: rule.code.to_owned(),
            summary: rule.summary.to_owned(),
            url: Some(format!("{PAGE}#{}", rule.code)),
        };
        RULES.iter().map(rule).collect()
    }

    fn validate(document: &Document, config: &RulesConfig, _: &Context) -> Vec<Diagnostic> {
        let mut found: Vec<Diagnostic> = Vec::new();
        for rule in RULES.iter().filter(|rule| config.off.iter().all(|code| code != rule.code)) {
            for mut finding in (rule.check)(document) {
                point_into(&document.workflow, &mut finding);
                // What is wrong with a place is said once, however many passes and builds need it.
                let is_told = |told: &Diagnostic| {
                    told.code == finding.code && told.pointer == finding.pointer
                };
                if !found.iter().any(is_told) {
                    found.push(finding);
                }
            }
        }
        found
    }
}

export_validator! { OliveRules, planner: OliveRules }

/// Lets a finding about what is left out point to what it is left out of.
fn point_into(workflow: &Value, finding: &mut Diagnostic) {
    let pointers = finding.related.iter_mut().map(|related| &mut related.pointer);
    for pointer in pointers.chain([&mut finding.pointer]) {
        while workflow.pointer(pointer).is_none() {
            pointer.truncate(pointer.rfind('/').unwrap_or_default());
        }
    }
}

fn codes() -> Vec<Value> {
    RULES.iter().map(|rule| rule.code.into()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use olive_validator_api::{Context, Validator};
    use serde_json::{Value, json};

    use super::{OliveRules, RULES, RulesConfig};
    use crate::example::{Example, Kind};

    fn codes_about(example: &Example, config: &RulesConfig) -> Vec<(String, String)> {
        let found = OliveRules::validate(&example.document(), config, &Context::default());
        found.into_iter().map(|finding| (finding.code, finding.pointer)).collect()
    }

    #[test]
    fn codes_are_kebab_case_and_stand_once() {
        let codes: BTreeSet<&str> = RULES.iter().map(|rule| rule.code).collect();
        assert_eq!(codes.len(), RULES.len());
        for code in codes {
            assert!(code.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{code}");
        }
    }

    #[test]
    fn bad_examples_have_their_finding_and_no_other() {
        for rule in &RULES {
            let example = Example::read(rule.code, Kind::Bad);
            let expected = vec![(rule.code.to_owned(), example.at().to_owned())];
            assert_eq!(codes_about(&example, &RulesConfig::default()), expected, "{}", rule.code);
            let found = (rule.check)(&example.document());
            assert_eq!(found[0].severity, rule.severity, "{}", rule.code);
        }
    }

    #[test]
    fn good_examples_are_silent() {
        for rule in &RULES {
            let example = Example::read(rule.code, Kind::Good);
            assert_eq!(codes_about(&example, &RulesConfig::default()), [], "{}", rule.code);
        }
    }

    #[test]
    fn fixes_mend_what_they_are_offered_for() {
        let mut count = 0;
        for rule in &RULES {
            let example = Example::read(rule.code, Kind::Bad);
            for finding in (rule.check)(&example.document()) {
                for fix in &finding.fixes {
                    let mended = example.with_patch(&fix.patch);
                    assert_eq!(
                        codes_about(&mended, &RulesConfig::default()),
                        [],
                        "{}: {}",
                        rule.code,
                        fix.title
                    );
                    count += 1;
                }
            }
        }
        assert!(count >= 7, "only {count} fixes were tried");
    }

    #[test]
    fn messages_have_the_house_form() {
        for rule in &RULES {
            for told in (rule.check)(&Example::read(rule.code, Kind::Bad).document()) {
                assert!(!told.message.ends_with('.'), "{}", told.message);
                assert!(told.help.as_ref().is_some_and(|help| !help.ends_with('.')), "{told:?}");
            }
        }
    }

    #[test]
    fn a_finding_about_what_is_left_out_points_to_what_is_there() {
        let example = Example::new(json!({
            "workflow": {
                "data_configs": [{"name": "train", "pre_process_data_config": {"text_cols": "a"}}],
                "passes": {"tune": {"type": "LoRA", "train_data_config": "train"}}
            },
            "model": {"type": "HfModel", "config": {"max_position_embeddings": 512}}
        }));
        let found = vec![(
            "longer-than-model".to_owned(),
            "/data_configs/0/pre_process_data_config".to_owned(),
        )];
        assert_eq!(codes_about(&example, &RulesConfig::default()), found);
    }

    #[test]
    fn builds_that_share_a_pass_have_its_finding_once() {
        let example = Example::new(json!({
            "workflow": {
                "passes": {"tune": {"type": "LoRA", "target_modules": ["c_attn"]}},
                "builds": {"one": {"pipeline": ["tune"]}, "two": {"pipeline": ["tune"]}}
            },
            "model": {"type": "HfModel", "config": {"model_type": "llama"}}
        }));
        let pointer = "/passes/tune/target_modules/0".to_owned();
        let found = vec![("unknown-target-module".to_owned(), pointer)];
        assert_eq!(codes_about(&example, &RulesConfig::default()), found);
    }

    #[test]
    fn a_rule_that_is_off_is_silent() {
        for rule in &RULES {
            let example = Example::read(rule.code, Kind::Bad);
            let off = RulesConfig { off: vec![rule.code.to_owned()] };
            assert_eq!(codes_about(&example, &off), [], "{}", rule.code);
        }
    }

    #[test]
    fn an_empty_document_is_silent() {
        for workflow in [Value::Null, json!({}), json!([1])] {
            let example = Example::new(json!({"workflow": workflow}));
            assert_eq!(codes_about(&example, &RulesConfig::default()), []);
        }
    }
}
