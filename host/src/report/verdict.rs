//! What a search came to, in words.

use olive_schemas::footprint::Footprint;
use olive_schemas::search::{SearchEnd, TrialOutcome, TrialRecord};

use super::goals::{self, GoalLine};
use super::trials::{Row, Trials, trials};

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The result in a sentence.
    pub result: String,
    /// How its model meets the goals.
    pub goals: Vec<String>,
    /// What the result is better than.
    pub beaten: Option<String>,
    /// How many trials there were, and why there were no more.
    pub extent: String,
}

impl Verdict {
    /// Why it is the result, and how far the search went.
    pub fn reasons(&self) -> impl Iterator<Item = &String> {
        self.goals.iter().chain(&self.beaten).chain([&self.extent])
    }
}

/// The verdict of a search; none of a plain run.
pub fn verdict(footprint: &Footprint) -> Option<Verdict> {
    let trials = trials(footprint)?;
    let (result, beaten) = match trials.result() {
        Some(row) if trials.search.chosen.is_empty() => {
            (format!("No model meets every goal; {} comes nearest.", named(row.trial)), None)
        }
        Some(row) => {
            let told = match trials.search.end {
                SearchEnd::Cancelled => "was the best so far".to_owned(),
                _ => format!("is the result{}", candidates(&trials)),
            };
            (format!("{} {told}.", named(row.trial)), beaten(&trials, row))
        }
        None => ("No variant has a model that could be taken.".to_owned(), None),
    };
    let goals = goals(footprint);
    Some(Verdict { result, goals, beaten, extent: extent(&trials) })
}

/// A trial in a few words.
pub fn named(trial: &TrialRecord) -> String {
    match trial.label() {
        label if label.is_empty() => format!("Variant {}", trial.number),
        label => format!("Variant {} (`{}`)", trial.number, label.replace('`', "'")),
    }
}

/// The other chosen trials, the best first, after the sentence about the result.
fn candidates(trials: &Trials<'_>) -> String {
    let ranked = (1..).zip(&trials.search.chosen).skip(1);
    let told: Vec<String> =
        ranked.map(|(rank, trial)| format!("variant {trial} is candidate {rank}")).collect();
    if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) }
}

/// Goals of the result, or of the nearest model.
fn goals(footprint: &Footprint) -> Vec<String> {
    let told = |goal: GoalLine| {
        let word = if goal.is_met { "met" } else { "missed" };
        format!("Goal {word}: {}.", goal.sentence())
    };
    goals::lines(footprint).into_iter().map(told).collect()
}

/// What the result is better than, and by how much, in the first figure in which the two differ.
fn beaten(trials: &Trials<'_>, result: &Row<'_>) -> Option<String> {
    let num_good = trials.count(TrialRecord::meets_goals);
    let Some(next) = trials.next_best(result) else {
        let only = "It is the only one that was measured and meets every goal.";
        return (trials.rows.len() > 1).then(|| only.to_owned());
    };
    let num_objectives = trials.search.objectives.len();
    if num_objectives == 0 {
        return Some("Nothing ranks the models, so it is the first that was measured.".into());
    }
    let mut columns = trials.columns.iter().enumerate().take(num_objectives);
    let among = format!("Of {num_good} variants that meet every goal it is the best");
    let Some((index, column)) =
        columns.find(|(index, _)| result.value(*index) != next.value(*index))
    else {
        return Some(format!(
            "{among}, as good as variant {} and tried earlier.",
            next.trial.number
        ));
    };
    let show = |value: Option<f64>| value.map_or("not measured".into(), |v| column.unit.show(v));
    let (ours, theirs) = (result.value(index), next.value(index));
    let by =
        ours.zip(theirs).map(|(ours, theirs)| format!(" ({})", column.unit.change(theirs, ours)));
    Some(format!(
        "{among}: `{}` is {}, against {} of the next, variant {}{}.",
        column.title,
        show(ours),
        show(theirs),
        next.trial.number,
        by.unwrap_or_default(),
    ))
}

/// `14 of 24 variants were tried: 11 measured, 1 stopped early, 1 skipped, 1 failed; …`.
fn extent(trials: &Trials<'_>) -> String {
    let counts = [
        ("measured", trials.count(|trial| trial.outcome == TrialOutcome::Done)),
        ("stopped early", trials.count(|t| t.has_model() && t.outcome != TrialOutcome::Done)),
        ("skipped", trials.count(|t| matches!(t.outcome, TrialOutcome::Skipped { .. }))),
        ("failed", trials.count(|t| matches!(t.outcome, TrialOutcome::Failed { .. }))),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    let all = match trials.search.variants {
        Some(count) => format!("{} of {count}", trials.rows.len()),
        None => trials.rows.len().to_string(),
    };
    let word = if trials.rows.len() == 1 && all == "1" { "variant" } else { "variants" };
    let end = match trials.search.end {
        SearchEnd::Exhausted => "no further ones are left",
        SearchEnd::Samples => "no more were asked for",
        SearchEnd::Time => "the time was up",
        SearchEnd::GoalsMet => "a model met every goal",
        SearchEnd::Cancelled => "the search was cancelled",
    };
    let counts = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
    format!("Looked at {all} {word}{counts}; {end}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::report::trials::Rank;

    #[test]
    fn a_result_says_what_it_meets_and_beats() {
        let told = verdict(&sample::searches::full()).unwrap();
        assert_eq!(
            told.result,
            "Variant 7 (`quantize=KQuant quantize.bits=4 quantize.block_size=32`) is the result."
        );
        assert_eq!(
            told.goals.iter().chain(&told.beaten).collect::<Vec<_>>(),
            [
                "Goal met: `tone-exact_match` of `quantize` is 86.4 %, at least 85.3 % \
                 (`max-degradation` 0.03, the input model has 88.3 %) is wanted.",
                "Of 5 variants that meet every goal it is the best: `size` is 88.0 MiB, against \
                 96.0 MiB of the next, variant 5 (−8.3 %)."
            ]
        );
        assert_eq!(
            told.extent,
            "Looked at 14 of 24 variants: 10 measured, 1 stopped early, 2 skipped, 1 failed; no \
             more were asked for."
        );
    }

    #[test]
    fn candidates_are_named_in_their_order() {
        let mut footprint = sample::searches::full();
        footprint.search.as_mut().unwrap().chosen = vec![7, 5, 2];
        let told = verdict(&footprint).unwrap().result;
        let end = "is the result; variant 5 is candidate 2, variant 2 is candidate 3.";
        assert!(told.ends_with(end), "{told}");
        footprint.search.as_mut().unwrap().end = SearchEnd::Cancelled;
        let told = verdict(&footprint).unwrap().result;
        assert!(told.ends_with(" was the best so far."), "{told}");
        let ranks: Vec<Rank> = trials(&footprint).unwrap().rows.iter().map(|r| r.rank).collect();
        assert!(!ranks.contains(&Rank::Candidate), "{ranks:?}");
    }

    #[test]
    fn the_nearest_says_what_is_missing() {
        let told = verdict(&sample::searches::unreached()).unwrap();
        assert!(told.result.starts_with("No model meets every goal; Variant 1 ("), "{told:?}");
        assert!(told.goals[0].starts_with("Goal missed: `tone-exact_match`"), "{told:?}");
    }

    #[test]
    fn a_plain_run_has_none() {
        assert_eq!(verdict(&sample::full()), None);
    }
}
