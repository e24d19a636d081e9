//! The rules, asked as the host asks them.

use acme_rules::AcmeRules;
use olive_validator_api::{Context, Diagnostic, call};
use serde_json::{Value, json};

/// What is said of an adapter of rank `r`, with `settings` of the validator.
fn told(r: i64, settings: Value) -> Vec<Diagnostic> {
    let pass = json!({"type": "LoRA", "r": r});
    let step = json!({
        "name": "lora", "pointer": "/passes/lora", "type": "LoRA", "config": {"r": r}, "adapter": "adds"
    });
    let document = json!({
        "workflow": {"passes": {"lora": pass}}, "steps": [step], "config": settings
    });
    call::validate::<AcmeRules>(&document.to_string(), &Context::default()).unwrap()
}

#[test]
fn a_rank_above_the_limit_is_told_where_it_stands() {
    assert_eq!(told(16, json!({})), []);
    let told = told(64, json!({}));
    assert_eq!((told.len(), &*told[0].pointer), (1, "/passes/lora/r"));
    assert_eq!(
        told[0].message,
        "the adapter has rank 64, and the server takes 16 at most"
    );
}

#[test]
fn the_fix_writes_the_limit() {
    let patch = &told(64, json!({}))[0].fixes[0].patch;
    assert_eq!(
        *patch,
        json!([{"op": "add", "path": "/passes/lora/r", "value": 16}])
    );
}

#[test]
fn the_limit_is_a_setting() {
    assert_eq!(told(64, json!({"max_rank": 64})), []);
    assert_eq!(told(65, json!({"max_rank": 64})).len(), 1);
}
