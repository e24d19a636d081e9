//! An adapter is wanted on layers that the model does not have.

use std::collections::BTreeSet;

use olive_validator_api::{
    Applicability, Diagnostic, Document, ModelDescription, PlannedStep, Severity, setting,
};
use serde_json::Value;

use crate::model::{adaptable, checkpoint, family, is_layer, last_name};
use crate::parts::{chains, keep_layers, trains};
use crate::rule::{BuiltIn, listed, set};

/// An adapter is wanted on layers that the model does not have.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "unknown-target-module",
    severity: Severity::Error,
    summary: "`target_modules` names a layer that the model does not have",
    explanation: "\
`target_modules` names linear layers by the end of their path, and families of models call them differently.
Llama, Mistral and Qwen have `q_proj`, `k_proj` and `v_proj` where Phi-3 has one `qkv_proj`, and `gate_proj` and `up_proj` where Phi-3 has one `gate_up_proj`.
The names are compared with the tensors of the input model, or with its `model_type` when its weights are not at hand.",
    check,
};

/// Fused projections and what they are in place of.
const FUSIONS: [(&str, &[&str]); 2] =
    [("qkv_proj", &["q_proj", "k_proj", "v_proj"]), ("gate_up_proj", &["gate_proj", "up_proj"])];

fn check(document: &Document) -> Vec<Diagnostic> {
    let Some(model) = checkpoint(document) else { return Vec::new() };
    let known = adaptable(model);
    if known.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for chain in chains(document) {
        for (index, step) in chain.iter().enumerate() {
            if trains(step) && keep_layers(&chain[..index]) {
                found.extend(unknown(step, model, &known));
            }
        }
    }
    found
}

fn unknown(
    step: &PlannedStep,
    model: &ModelDescription,
    known: &BTreeSet<String>,
) -> Vec<Diagnostic> {
    let modules = step.config.get("target_modules").and_then(Value::as_array);
    let modules: Vec<&str> = modules.into_iter().flatten().filter_map(Value::as_str).collect();
    let pointer = setting(step, "target_modules");
    let absent = modules.iter().enumerate().filter(|(_, name)| !is_in(known, name));
    absent
        .map(|(index, name)| {
            let of = family(model).map(|family| format!(" of family `{family}`"));
            let message =
                format!("the input model{} has no layer `{name}`", of.unwrap_or_default());
            let at = format!("{pointer}/{index}");
            let finding = RULE.finding(&at, message);
            if let Some(help) = other_layout(name, known) {
                let renamed = set(&pointer, relaid(&modules, known));
                let title = "name the layers as the model does";
                finding.with_help(help).with_fix(title, renamed, Applicability::MaybeIncorrect)
            } else if let Some(near) = nearest(name, known) {
                let title = format!("write `{near}`");
                let fix = serde_json::json!([{"op": "replace", "path": at, "value": near}]);
                finding.with_help(format!("did you mean `{near}`?")).with_fix(
                    title,
                    fix,
                    Applicability::MachineApplicable,
                )
            } else {
                let names: Vec<&str> = last_names(known).into_iter().collect();
                finding.with_help(format!("it has {}", listed(&names)))
            }
        })
        .collect()
}

/// Whether a layer of the model is called `name`; every model has a head.
fn is_in(known: &BTreeSet<String>, name: &str) -> bool {
    name == "lm_head" || known.iter().any(|path| is_layer(path, name))
}

fn last_names(known: &BTreeSet<String>) -> BTreeSet<&str> {
    known.iter().map(|path| last_name(path)).collect()
}

/// What the model has in place of `name`, when its projections are fused otherwise.
fn other_layout(name: &str, known: &BTreeSet<String>) -> Option<String> {
    let names = last_names(known);
    let has = |name: &&str| names.contains(name);
    FUSIONS.iter().find_map(|(fused, parts)| {
        if parts.contains(&name) && has(fused) {
            return Some(format!("it has `{fused}` in place of {}", listed(parts)));
        }
        let is_split = name == *fused && parts.iter().all(&has);
        is_split.then(|| format!("it has {} in place of `{fused}`", listed(parts)))
    })
}

/// `modules` with projections named as the model has them, each once.
fn relaid(modules: &[&str], known: &BTreeSet<String>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for module in modules {
        let fusion =
            FUSIONS.iter().find(|(fused, parts)| fused == module || parts.contains(module));
        let meant: Vec<&str> = match fusion {
            _ if is_in(known, module) => vec![module],
            Some((fused, parts)) if fused == module => parts.to_vec(),
            Some((fused, _)) => vec![fused],
            None => vec![module],
        };
        for name in meant {
            if names.iter().all(|known| known != name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// The one layer that `name` is most likely a slip of.
fn nearest<'a>(name: &str, known: &'a BTreeSet<String>) -> Option<&'a str> {
    let distances = last_names(known).into_iter().map(|known| (distance(name, known), known));
    let mut near: Vec<(usize, &str)> = distances.filter(|(distance, _)| *distance <= 2).collect();
    near.sort_unstable();
    match near.as_slice() {
        [(_, only)] => Some(only),
        [(least, first), (next, _), ..] if least < next => Some(first),
        _ => None,
    }
}

/// How many letters must be added, removed or changed to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{distance, is_in, nearest, relaid};

    fn phi3() -> BTreeSet<String> {
        let names = ["self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj"];
        names.map(|name| format!("model.layers.*.{name}")).into()
    }

    #[test]
    fn a_layer_is_named_by_the_end_of_its_path() {
        let known = phi3();
        for name in ["o_proj", "self_attn.o_proj", "layers.0.self_attn.o_proj"] {
            assert!(is_in(&known, name), "{name}");
        }
        for name in ["proj", "q_proj", "mlp.o_proj", ""] {
            assert!(!is_in(&known, name), "{name}");
        }
    }

    #[test]
    fn split_projections_become_the_fused_one_once() {
        let modules = ["q_proj", "v_proj", "o_proj", "gate_proj"];
        assert_eq!(relaid(&modules, &phi3()), ["qkv_proj", "o_proj", "gate_up_proj"]);
    }

    #[test]
    fn a_slip_is_near_one_name_only() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("o_prj", &phi3()), Some("o_proj"));
        assert_eq!(nearest("dense", &phi3()), None);
        let pair: BTreeSet<String> = ["k_proj".to_owned(), "v_proj".to_owned()].into();
        assert_eq!(nearest("x_proj", &pair), None);
    }
}
