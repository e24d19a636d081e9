//! One rule: its code, what it means, and the function that looks for it.

use olive_validator_api::{Diagnostic, Document, Severity};
use serde_json::Value;

/// A rule among the parts of a workflow.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// Code of its findings, without the validator's id.
    pub code: &'static str,
    /// How bad its findings are.
    pub severity: Severity,
    /// What is the case where it speaks, a clause without a period.
    pub summary: &'static str,
    /// What goes wrong there and why, as Markdown for the page of rules.
    pub explanation: &'static str,
    /// Its findings about a document.
    pub check: fn(&Document) -> Vec<Diagnostic>,
}

impl BuiltIn {
    /// A finding of this rule at `pointer`.
    pub(crate) fn finding(
        &self,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::new(self.severity, self.code, pointer, message)
    }
}

/// A patch that sets the value at `pointer`; what holds it must exist.
pub(crate) fn set(pointer: &str, value: impl Into<Value>) -> Value {
    serde_json::json!([{"op": "add", "path": pointer, "value": value.into()}])
}

/// `a`, `a and b`, `a, b and c`, each in backticks.
pub(crate) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn names_are_listed_as_in_a_sentence() {
        assert_eq!(listed::<&str>(&[]), "");
        assert_eq!(listed(&["a"]), "`a`");
        assert_eq!(listed(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
