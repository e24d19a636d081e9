//! What is wrong with a choice of modules.

use std::collections::BTreeSet;
use std::fmt;

use super::modules::Modules;

/// Edits that a likely typing error takes at most.
const NEAR: usize = 2;

/// What is wrong with a setting that names modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetProblem {
    /// The setting, as PEFT's config calls it, such as `target_modules`.
    pub setting: &'static str,
    /// Place in the setting's list.
    pub index: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl TargetProblem {
    pub(crate) fn new(setting: &'static str, message: impl Into<String>) -> Self {
        Self { setting, index: None, message: message.into(), help: None }
    }

    pub(super) fn at(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// `name` is nothing that `known` lists.
    pub(super) fn unknown(
        setting: &'static str,
        index: usize,
        name: &str,
        kind: &str,
        known: &BTreeSet<&str>,
    ) -> Self {
        let message = format!("`{name}` is no {kind} of the model");
        Self::new(setting, message).at(index).with_help(suggestion(name, known))
    }

    pub(crate) fn broken_pattern(setting: &'static str, pattern: &str, reason: &str) -> Self {
        Self::new(setting, format!("`{pattern}` is no regular expression: {reason}"))
    }

    pub(super) fn nothing_left(modules: &Modules) -> Self {
        let message = "no layer is left to adapt";
        Self::new("target_modules", message).with_help(list(&modules.linear_names()))
    }
}

impl fmt::Display for TargetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.setting, self.message)
    }
}

/// The known name that `name` is probably meant to be, or all of them.
fn suggestion(name: &str, known: &BTreeSet<&str>) -> String {
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(name, known), known));
    match near.min() {
        Some((distance, near)) if distance <= NEAR => format!("did you mean `{near}`?"),
        _ => list(known),
    }
}

/// What the model has.
pub(super) fn list(known: &BTreeSet<&str>) -> String {
    let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("the model has {}", names.join(", "))
}
