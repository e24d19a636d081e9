//! Counting: what the test programs of cargo say, line by line, and our own checks.

use std::fmt;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It held.
    Passed,
    /// It did not hold.
    Failed,
    /// It could not be tried; a line `skipped: why` said so.
    Skipped,
}

/// How many tests and checks went how.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Held.
    pub(crate) passed: usize,
    /// Did not hold.
    pub(crate) failed: usize,
    /// Could not be tried.
    pub(crate) skipped: usize,
    place: Place,
    skips_here: usize,
}

/// Where in the output of a test program the reader is.
#[derive(Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Elsewhere,
    /// In the list of what passed tests printed.
    Successes,
    /// In what one passed test printed.
    Output,
}

impl Tally {
    /// Counts one check.
    pub(crate) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Skipped => self.skipped += 1,
        }
    }

    /// Reads one line that a test program printed under `--show-output`.
    ///
    /// A passed test that printed a line `skipped: why` counts as skipped, as ignored ones do.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            return self.add(result);
        }
        if line == "successes:" {
            self.place = Place::Successes;
        } else if line == "failures:" {
            self.place = Place::Elsewhere;
        } else if line.starts_with("---- ") && self.place != Place::Elsewhere {
            self.place = Place::Output;
        } else if is_skip(line) && self.place == Place::Output {
            self.skips_here += 1;
            self.place = Place::Successes;
        }
    }

    /// Adds the counts of a line such as `ok. 5 passed; 0 failed; 2 ignored; …`.
    fn add(&mut self, result: &str) {
        let count_of = |what| count(result, what).unwrap_or(0);
        let skips = std::mem::take(&mut self.skips_here);
        self.passed += count_of("passed").saturating_sub(skips);
        self.failed += count_of("failed");
        self.skipped += count_of("ignored") + skips;
        self.place = Place::Elsewhere;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Whether a line says that something could not be tried.
pub(crate) fn is_skip(line: &str) -> bool {
    line.starts_with("skipped: ")
}

/// The number before the word `what`.
fn count(result: &str, what: &str) -> Option<usize> {
    let parts = result.split([';', '.']);
    let mut counts = parts.filter_map(|part| part.trim().split_once(' '));
    counts.find(|(_, name)| *name == what)?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn check(output: &str, line: &str) {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.read(line));
        assert_eq!(tally.to_string(), line);
    }

    #[test]
    fn results_of_all_programs_add_up() {
        check(
            "running 3 tests\n\
             test a ... ok\n\
             test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.12s\n\
             test result: ok. 4 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 1.02s\n",
            "6 passed, 1 failed, 2 skipped",
        );
    }

    #[test]
    fn a_passed_test_that_says_skipped_is_skipped_once() {
        check(
            "successes:\n\n---- a stdout ----\nskipped: no data\nskipped: no model\n\n\
             ---- b stdout ----\nfine\n\n---- c stdout ----\nskipped: no data\n\n\
             successes:\n    a\n    b\n    c\n\n\
             test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n",
            "1 passed, 0 failed, 2 skipped",
        );
    }

    #[test]
    fn a_failed_test_stays_failed_whatever_it_says() {
        check(
            "failures:\n\n---- a stdout ----\nskipped: no data\n\nfailures:\n    a\n\n\
             test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n",
            "0 passed, 1 failed, 0 skipped",
        );
    }
}
