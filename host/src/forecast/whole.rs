//! What the steps of many plans will take together, each step once however many plans have it.

use std::collections::BTreeMap;

use super::Forecast;
use crate::plan::{Plan, Role, Step};

/// What a search will take.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Whole {
    /// Variants that are tried.
    pub num_variants: usize,
    /// Steps that are left to do.
    pub num_steps: usize,
    /// Wall time of those whose kind has run on this machine.
    pub seconds: f64,
    /// Names of the passes and evaluators of which no step has run on this machine.
    pub unknown: Vec<String>,
    /// Bytes of memory of the steps that run at a time, as far as planners know.
    pub memory_bytes: u64,
    /// Bytes that steps write, as far as planners know.
    pub disk_bytes: u64,
}

/// How many of the variants that were planned are tried, how many at a time, and what they share.
#[derive(Debug, Clone, Copy)]
pub struct Extent<'a> {
    /// Variants that are tried; more than there are plans when not all were planned.
    pub num_variants: usize,
    /// Variants at a time.
    pub parallel: usize,
    /// Models that passes can make at most, as far as that is known, by their names in the workflow.
    pub most: &'a BTreeMap<String, u64>,
}

/// A step that some plans have.
struct Shared<'a> {
    name: &'a str,
    /// The pass that makes the model, by its name in the workflow, and what is measured of that.
    of: (&'a str, Option<&'a str>),
    forecast: &'a Forecast,
    /// Plans that have it.
    plans: usize,
}

/// What the variants of `plans` will take when so many of them are tried, which ones nobody knows.
pub fn whole(plans: &[(&Plan, &[Forecast])], extent: Extent<'_>) -> Whole {
    let mut steps: BTreeMap<&str, Shared<'_>> = BTreeMap::new();
    for (plan, forecasts) in plans {
        for (step, forecast) in plan.steps.iter().zip(*forecasts) {
            let shared = Shared { name: &step.name, of: made_by(plan, step), forecast, plans: 0 };
            steps.entry(step.key.as_str()).or_insert(shared).plans += 1;
        }
    }
    together(&steps.into_values().collect::<Vec<_>>(), plans.len(), extent)
}

/// The pass that makes the model of `step`, and what is measured of it.
fn made_by<'a>(plan: &'a Plan, step: &'a Step) -> (&'a str, Option<&'a str>) {
    let name = |other: &'a Step| match &other.role {
        Role::Pass { pass_name } if other.model == step.model => Some(pass_name.as_str()),
        Role::Pass { .. } | Role::Evaluation { .. } | Role::Fetch { .. } => None,
    };
    let metric = match &step.role {
        Role::Evaluation { metric, .. } => Some(metric.as_deref().unwrap_or_default()),
        Role::Pass { .. } | Role::Fetch { .. } => None,
    };
    (plan.steps.iter().find_map(name).unwrap_or_default(), metric)
}

fn together(steps: &[Shared<'_>], num_plans: usize, extent: Extent<'_>) -> Whole {
    let Extent { num_variants, parallel, most } = extent;
    let mut expected: BTreeMap<(&str, Option<&str>), f64> = BTreeMap::new();
    for step in steps {
        *expected.entry(step.of).or_default() += times(step.plans, num_plans, num_variants);
    }
    let mut whole = Whole { num_variants, ..Whole::default() };
    let (mut num_steps, mut disk) = (0.0, 0.0);
    for &Shared { name, of, forecast, plans } in steps.iter().filter(|it| !it.forecast.is_done) {
        let share = most.get(of.0).map_or(1.0, |most| (*most as f64 / expected[&of]).min(1.0));
        let times = share * times(plans, num_plans, num_variants);
        num_steps += times;
        // What all variants have is there before the others run beside each other.
        let at_a_time = if plans == num_plans { 1.0 } else { parallel as f64 };
        match forecast.seconds {
            Some(seconds) => whole.seconds += times * seconds / at_a_time,
            None if whole.unknown.iter().any(|known| known == name) => {}
            None => whole.unknown.push(name.to_owned()),
        }
        if let Some(cost) = &forecast.cost {
            let peak = cost.peak_host_bytes.max(cost.peak_device_bytes);
            let others = if plans == num_plans { 1 } else { parallel as u64 };
            whole.memory_bytes = whole.memory_bytes.max(peak.saturating_mul(others));
            disk += times * cost.disk_bytes as f64;
        }
    }
    whole.unknown.sort();
    (whole.num_steps, whole.disk_bytes) = (rounded(num_steps), rounded(disk) as u64);
    whole
}

/// How often a step runs that `plans` of `num_plans` variants have, when `num_variants` are tried:
/// the chance that one of them has it, or, of more variants than were planned, their like share.
fn times(plans: usize, num_plans: usize, num_variants: usize) -> f64 {
    if plans == num_plans {
        return 1.0;
    }
    if num_variants >= num_plans {
        return num_variants as f64 / num_plans as f64;
    }
    let others = num_plans - plans;
    let missed = |tried: usize| (others - tried) as f64 / (num_plans - tried) as f64;
    if num_variants > others { 1.0 } else { 1.0 - (0..num_variants).map(missed).product::<f64>() }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and sizes are not below 0 and far below the largest"
)]
fn rounded(number: f64) -> usize {
    number.round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u64 = 50;

    fn check(
        steps: &[(Option<f64>, usize)],
        num_plans: usize,
        extent: (usize, usize),
        seconds: f64,
    ) {
        let forecasts: Vec<Forecast> = steps
            .iter()
            .map(|(seconds, _)| Forecast { is_done: false, cost: None, seconds: *seconds })
            .collect();
        let shared = steps.iter().zip(&forecasts);
        let of = ("pass", None);
        let shared =
            shared.map(|(&(_, plans), forecast)| Shared { name: "Pass", of, forecast, plans });
        let (num_variants, parallel) = extent;
        let most = BTreeMap::from([("pass".to_owned(), MOST)]);
        let extent = Extent { num_variants, parallel, most: &most };
        let found = together(&shared.collect::<Vec<_>>(), num_plans, extent);
        assert!((found.seconds - seconds).abs() < 1e-9, "{found:?} {seconds}");
        assert_eq!(!found.unknown.is_empty(), steps.iter().any(|(seconds, _)| seconds.is_none()));
    }

    #[test]
    fn what_variants_share_counts_once() {
        // A training that four variants share, and a step of 10 seconds for each.
        let own = [(Some(100.0), 4), (Some(10.0), 1), (Some(10.0), 1), (Some(10.0), 1), (None, 1)];
        check(&own, 4, (4, 1), 130.0);
        check(&own, 4, (4, 2), 115.0);
        check(&own, 4, (2, 1), 115.0);
        check(&own, 4, (8, 1), 160.0);
        check(&[], 4, (4, 1), 0.0);
    }

    #[test]
    fn no_pass_makes_more_models_than_its_settings_allow() {
        let half = [(Some(1.0), 2), (Some(1.0), 2)];
        check(&half, 4, (8, 1), 4.0);
        check(&half, 4, (400, 1), MOST as f64);
    }

    #[test]
    fn a_step_runs_when_one_variant_that_has_it_is_tried() {
        for (plans, num_plans, tried, expected) in [
            (4, 4, 1, 1.0),
            (1, 4, 4, 1.0),
            (1, 4, 1, 0.25),
            (2, 4, 2, 5.0 / 6.0),
            (3, 4, 2, 1.0),
            (1, 4, 8, 2.0),
        ] {
            let found = times(plans, num_plans, tried);
            assert!((found - expected).abs() < 1e-12, "{plans} {num_plans} {tried}: {found}");
        }
    }
}
