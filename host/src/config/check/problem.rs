//! Problems with the normalized workflow, before they have a place in the text.

use std::collections::BTreeSet;

use olive_schemas::diagnostic::{Diagnostic, Severity};

/// Something wrong with the normalized workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong; its pointers lead into the normalized workflow.
    pub diagnostic: Diagnostic,
    /// Whether the key is at fault, not the value.
    pub is_about_key: bool,
    /// Whether the value is not to be shown.
    pub is_secret: bool,
    /// The name that was meant instead of the one that is written.
    pub replacement: Option<String>,
    /// What was meant instead of what is written, as it stands in the text.
    pub raw_replacement: Option<String>,
}

impl Problem {
    /// A problem with a value.
    pub fn new(diagnostic: Diagnostic) -> Self {
        Self {
            diagnostic,
            is_about_key: false,
            is_secret: false,
            replacement: None,
            raw_replacement: None,
        }
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
    /// Pointers of errors.
    errors: BTreeSet<String>,
    /// Those of errors about something that is there.
    wrong: BTreeSet<String>,
    /// Names of what stands where it does not belong, or under a wrong name.
    misplaced: BTreeSet<String>,
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
        for problem in new {
            self.remember(&problem);
            self.found.push(problem);
        }
    }

    /// Whether there is an error about the value at `pointer`, or about what it is part of.
    pub fn has_error_about(&self, pointer: &str) -> bool {
        let mut whole = pointer;
        while !self.wrong.contains(whole) {
            let Some(end) = whole.rfind('/') else { return false };
            whole = &whole[..end];
        }
        true
    }

    /// Whether there is an error about the value at `pointer`, or about a part of it.
    pub fn has_error_in(&self, pointer: &str) -> bool {
        let below = format!("{pointer}/");
        let mut parts = self.errors.range(below.clone()..);
        self.errors.contains(pointer) || parts.next().is_some_and(|part| part.starts_with(&below))
    }

    /// Whether something called `name` stands where it does not belong, or under a wrong name, so
    /// that what is said of it elsewhere cannot be trusted.
    pub fn has_misplaced(&self, name: &str) -> bool {
        self.misplaced.contains(name)
    }

    /// Everything found.
    pub fn into_vec(self) -> Vec<Problem> {
        self.found
    }

    fn remember(&mut self, problem: &Problem) {
        let Diagnostic { severity, code, pointer, .. } = &problem.diagnostic;
        let key = pointer.rsplit('/').next().unwrap_or_default();
        match code.as_str() {
            "misplaced-key" | "missing-name" | "wrong-value" => {
                self.misplaced.insert(key.to_owned());
            }
            "unknown-key" => self.misplaced.extend(problem.replacement.clone()),
            _ => {}
        }
        if *severity == Severity::Error {
            self.errors.insert(pointer.clone());
            // A key that is missing says nothing about the keys that are there.
            if problem.missing().is_none() {
                self.wrong.insert(pointer.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, Problems};

    fn at(pointer: &str) -> Problem {
        Problem::error("unknown-value", pointer, String::new(), None)
    }

    #[test]
    fn what_is_wrong_as_a_whole_is_not_looked_into() {
        let mut problems = Problems::default();
        problems.extend([at("/a/b"), at("/a-b")]);
        for (pointer, about, inside) in [
            ("/a", false, true),
            ("/a/b", true, true),
            ("/a/b/c", true, false),
            ("/a/bc", false, false),
            ("/a-", false, false),
        ] {
            assert_eq!(problems.has_error_about(pointer), about, "{pointer}");
            assert_eq!(problems.has_error_in(pointer), inside, "{pointer}");
        }
        problems.push(at("/a/b/c"));
        assert_eq!(problems.into_vec().len(), 2);
    }

    #[test]
    fn a_missing_key_silences_nothing_beside_it() {
        let mut problems = Problems::default();
        let missing = "key `type` is missing".to_owned();
        problems.push(Problem::error("missing-key", "/a", missing, None));
        assert!(!problems.has_error_about("/a/b") && problems.has_error_in("/a"));
    }
}
