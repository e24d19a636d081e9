//! Which linear layers are adapted.

use std::collections::BTreeSet;

use olive_kit_checkpoint::{Decoder, Family, Linear};
use olive_plugin_api::Diagnostic;

use crate::config::TargetModules;

/// The layers to adapt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Targets {
    /// The layers, in order of computation.
    pub(crate) linears: Vec<Linear>,
    /// Their names as PEFT's config holds them, sorted.
    pub(crate) names: BTreeSet<String>,
}

/// Finds the layers of `decoder` that the config names.
///
/// A name matches as in PEFT: it is a layer's path, or the end of it after a dot.
///
/// # Errors
/// Every name that matches no layer.
pub(crate) fn resolve(
    decoder: &Decoder,
    config: Option<&TargetModules>,
) -> Result<Targets, Vec<Diagnostic>> {
    let mut linears = linears(decoder);
    let known: BTreeSet<&str> = linears.iter().map(|linear| last_name(&linear.name)).collect();
    let names: Vec<String> = match config {
        Some(TargetModules::Named(names)) => names.clone(),
        Some(TargetModules::All(_)) => known.iter().map(|&name| name.to_owned()).collect(),
        None => by_family(decoder.family).map(str::to_owned).to_vec(),
    };
    if names.is_empty() {
        let message = "`target_modules` is empty, so that nothing would be trained";
        let problem = Diagnostic::error("unknown-module", "/target_modules", message);
        return Err(vec![problem.with_help(known_names(&known))]);
    }
    let is_unknown = |name: &str| !linears.iter().any(|linear| matches(&linear.name, name));
    let unknown = names.iter().enumerate().filter(|(_, name)| is_unknown(name));
    let problems: Vec<_> = unknown.map(|(index, name)| unknown_name(index, name, &known)).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    linears.retain(|linear| names.iter().any(|name| matches(&linear.name, name)));
    Ok(Targets { linears, names: names.into_iter().collect() })
}

fn linears(decoder: &Decoder) -> Vec<Linear> {
    (0..decoder.num_layers).flat_map(|layer| decoder.linears(layer)).collect()
}

/// What Olive adapts in Phi-3, and PEFT in the others, when nothing is said.
fn by_family(family: Family) -> [&'static str; 2] {
    match family {
        Family::Phi3 => ["o_proj", "qkv_proj"],
        Family::Llama
        | Family::Mistral
        | Family::Qwen2
        | Family::Qwen3
        | Family::Gemma
        | Family::Gemma2 => ["q_proj", "v_proj"],
    }
}

fn matches(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn last_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn unknown_name(index: usize, name: &str, known: &BTreeSet<&str>) -> Diagnostic {
    let message = format!("`{name}` is no linear layer of the model that can be adapted");
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(name, known), known));
    let help = match near.min() {
        Some((distance, near)) if distance <= 2 => format!("did you mean `{near}`?"),
        _ => known_names(known),
    };
    let pointer = format!("/target_modules/{index}");
    Diagnostic::error("unknown-module", pointer, message).with_help(help)
}

fn known_names(known: &BTreeSet<&str>) -> String {
    let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("the model has {}", names.join(", "))
}
