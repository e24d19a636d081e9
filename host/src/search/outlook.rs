//! What a search is going to try, without trying it.

use olive_search::{Point, Sampler};

use super::Searched;
use crate::host::Host;
use crate::plan::{Choices, Plan, Purpose};

/// Variants that are looked at, at most.
const SHOWN: usize = 64;

/// A variant and its plan, or why it cannot work.
#[derive(Debug)]
pub struct Outlook {
    /// What the variant decides, in a line.
    pub label: String,
    /// Its plan, or why it cannot work.
    pub plan: Result<Plan, String>,
}

/// The first variants of the search in the order they are written, and how many there are in all;
/// none where a setting takes any number of a range.
pub fn outlook(
    host: &Host,
    searched: &Searched<'_>,
    choices: &Choices,
) -> (Vec<Outlook>, Option<u64>) {
    let choices = Choices { purpose: Purpose::Trial, ..choices.clone() };
    let Searched { strategy, variants, build, .. } = searched;
    let passes = build.decided_passes();
    let names: Vec<&str> = passes.iter().map(String::as_str).collect();
    let stage = variants.stage(&names, strategy.include_pass_params);
    let mut sampler = Sampler::sequential();
    let points = std::iter::from_fn(|| sampler.ask(&stage.space, &[])).take(SHOWN);
    let look = |point: Point| {
        let variant = variants.decide(&stage, &point, &variants.first());
        let decided: Vec<String> =
            variants.choices(&variant).iter().map(ToString::to_string).collect();
        let plan = searched.plan(host, &variant, None, &choices);
        Outlook { label: decided.join(" "), plan: plan.map(|(_, plan)| plan) }
    };
    (points.map(look).collect(), stage.space.count())
}
