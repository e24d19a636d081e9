//! What came of the checks, told one by one.

use std::fmt;

use serde::Serialize;

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was tried: `LoRA/first/same-twice`.
    pub name: String,
    /// How it went.
    pub verdict: Verdict,
    /// What was seen, or what is wrong.
    pub detail: String,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The contract is kept.
    Ok,
    /// It is not.
    Failed,
    /// It could not be tried.
    Skipped,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Failed => "failed",
            Verdict::Skipped => "skipped",
        };
        write!(f, "{verdict:7}  {}: {}", self.name, self.detail)
    }
}

/// How many checks went how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Checks of what is kept.
    pub passed: usize,
    /// Checks of what is not.
    pub failed: usize,
    /// Checks that could not be tried.
    pub skipped: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Why a check does not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Objection {
    /// The contract is broken so.
    Failed(String),
    /// It could not be tried, for this reason.
    Skipped(String),
}

/// What a check finds: a few words on what was seen, or an objection.
pub(super) type Finding = Result<String, Objection>;

/// The finding that the contract is broken.
pub(super) fn failed(why: impl Into<String>) -> Finding {
    Err(Objection::Failed(why.into()))
}

/// The finding that something could not be tried.
pub(super) fn skipped(why: impl Into<String>) -> Finding {
    Err(Objection::Skipped(why.into()))
}

/// `2 files`, `1 file`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The finding that follows from `problems`: `fine` without any, else the first few.
pub(super) fn unless_any(problems: Vec<String>, fine: impl Into<String>) -> Finding {
    const TOLD: usize = 5;
    if problems.is_empty() {
        return Ok(fine.into());
    }
    let more = problems.len().saturating_sub(TOLD);
    let more = (more > 0).then(|| format!("and {more} more"));
    failed(problems.into_iter().take(TOLD).chain(more).collect::<Vec<_>>().join("; "))
}

/// Hands on what came of each check, and counts.
pub(super) struct Report<'a> {
    tell: &'a mut dyn FnMut(&Check),
    tally: Tally,
}

impl<'a> Report<'a> {
    /// A report whose checks go to `tell`.
    pub(super) fn new(tell: &'a mut dyn FnMut(&Check)) -> Self {
        Self { tell, tally: Tally::default() }
    }

    /// Tells what the check called `name` found; whether it passed.
    pub(super) fn add(&mut self, name: impl Into<String>, finding: Finding) -> bool {
        let (verdict, detail) = match finding {
            Ok(detail) => (Verdict::Ok, detail),
            Err(Objection::Failed(detail)) => (Verdict::Failed, detail),
            Err(Objection::Skipped(detail)) => (Verdict::Skipped, detail),
        };
        match verdict {
            Verdict::Ok => self.tally.passed += 1,
            Verdict::Failed => self.tally.failed += 1,
            Verdict::Skipped => self.tally.skipped += 1,
        }
        (self.tell)(&Check { name: name.into(), verdict, detail: one_line(&detail) });
        verdict == Verdict::Ok
    }

    /// How many checks went how so far.
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }
}

/// `text` without line breaks and control characters: details may quote what a plugin says.
fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::{Objection, Report, Tally, failed, skipped, unless_any};

    #[test]
    fn checks_are_told_and_counted() {
        let mut lines = Vec::new();
        let mut tell = |check: &super::Check| lines.push(check.to_string());
        let mut report = Report::new(&mut tell);
        assert!(report.add("a", Ok("fine".into())));
        assert!(!report.add("b", failed("not\nfine")));
        assert!(!report.add("c", skipped("no case")));
        assert_eq!(report.tally(), Tally { passed: 1, failed: 1, skipped: 1 });
        assert_eq!(report.tally().to_string(), "1 passed, 1 failed, 1 skipped");
        assert_eq!(lines, ["ok       a: fine", "failed   b: not fine", "skipped  c: no case"]);
    }

    #[test]
    fn many_problems_are_cut_short() {
        assert_eq!(unless_any(Vec::new(), "fine"), Ok("fine".into()));
        let problems = (0..7).map(|index| index.to_string()).collect();
        let told = "0; 1; 2; 3; 4; and 2 more".to_owned();
        assert_eq!(unless_any(problems, ""), Err(Objection::Failed(told)));
    }
}
