//! Problems with the normalized workflow, before they have a place in the text.

use olive_schemas::diagnostic::{Diagnostic, Severity};

/// Something wrong with the normalized workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong; its pointers lead into the normalized workflow.
    pub diagnostic: Diagnostic,
    /// Whether the key is at fault, not the value.
    pub is_about_key: bool,
    /// The name that was meant instead of the one that is written.
    pub replacement: Option<String>,
    /// What was meant instead of what is written, as it stands in the text.
    pub raw_replacement: Option<String>,
}

impl Problem {
    /// A problem with a value.
    pub fn new(diagnostic: Diagnostic) -> Self {
        Self { diagnostic, is_about_key: false, replacement: None, raw_replacement: None }
    }

    /// An error with the value at `pointer`, with a way out.
    pub fn error(code: &str, pointer: &str, message: String, help: Option<String>) -> Self {
        let mut diagnostic = Diagnostic::error(code, pointer, message);
        diagnostic.help = help;
        Self::new(diagnostic)
    }

    /// A warning about the value at `pointer`, with a way out.
    pub fn warning(code: &str, pointer: &str, message: String, help: &str) -> Self {
        Self::new(Diagnostic::new(Severity::Warning, code, pointer, message).with_help(help))
    }

    /// The key that is missing, when that is the problem.
    pub fn missing(&self) -> Option<&str> {
        let is_missing = self.diagnostic.code == "missing-key";
        self.diagnostic.message.split('`').nth(1).filter(|_| is_missing)
    }

    /// The same about the key.
    #[must_use]
    pub fn about_key(mut self) -> Self {
        self.is_about_key = true;
        self
    }

    /// The same with the name that was meant.
    #[must_use]
    pub fn replaced_by(mut self, name: Option<&str>) -> Self {
        self.replacement = name.map(str::to_owned);
        self
    }
}

/// Problems found so far.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    /// Adds a problem, unless an error about the same thing, or what it is part of, is known.
    pub fn push(&mut self, problem: Problem) {
        self.extend([problem]);
    }

    /// Adds several problems of one stage, none of which silences another.
    pub fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        let new: Vec<Problem> = problems
            .into_iter()
            .filter(|problem| !self.has_error_about(&problem.diagnostic.pointer))
            .filter(|problem| !problem.missing().is_some_and(|key| self.has_misplaced(key)))
            .collect();
        self.found.extend(new);
    }

    /// Whether there is an error about the value at `pointer`, or about what it is part of.
    pub fn has_error_about(&self, pointer: &str) -> bool {
        // A key that is missing says nothing about the keys that are there.
        let mut errors = self.errors().filter(|known| known.missing().is_none());
        errors.any(|known| is_part(pointer, &known.diagnostic.pointer))
    }

    /// Whether there is an error about the value at `pointer`, or about a part of it.
    pub fn has_error_in(&self, pointer: &str) -> bool {
        self.errors().any(|known| is_part(&known.diagnostic.pointer, pointer))
    }

    /// Whether something called `name` stands where it does not belong, or under a wrong name, so
    /// that what is said of it elsewhere cannot be trusted.
    pub fn has_misplaced(&self, name: &str) -> bool {
        self.found.iter().any(|known| {
            let Diagnostic { code, pointer, .. } = &known.diagnostic;
            let key = pointer.rsplit('/').next().unwrap_or_default();
            match code.as_str() {
                "misplaced-key" | "missing-name" | "wrong-value" => key == name,
                "unknown-key" => known.replacement.as_deref() == Some(name),
                _ => false,
            }
        })
    }

    /// Everything found.
    pub fn into_vec(self) -> Vec<Problem> {
        self.found
    }

    fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.found.iter().filter(|known| known.diagnostic.severity == Severity::Error)
    }
}

/// Whether `pointer` leads to `whole` or into it.
fn is_part(pointer: &str, whole: &str) -> bool {
    pointer.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
