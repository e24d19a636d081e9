//! Rates of every step against transformers.

use olive_kit_train::{Schedule, ScheduleKind};
use serde::Deserialize;

/// Largest difference of a rate in parts of the largest one: formulas in another order.
const CLOSE: f64 = 1e-14;

#[derive(Deserialize)]
struct Fixture {
    learning_rate: f64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    kind: ScheduleKind,
    warmup: usize,
    total: usize,
    rates: Vec<f64>,
}

#[test]
fn rates_are_those_of_transformers() {
    let fixture: Fixture =
        serde_json::from_str(include_str!("../fixtures/schedules.json")).unwrap();
    let learning_rate = fixture.learning_rate;
    for Case { kind, warmup, total, rates } in fixture.cases {
        let schedule = Schedule { kind, learning_rate, warmup_steps: warmup, total_steps: total };
        for (step, expected) in rates.into_iter().enumerate() {
            let found = schedule.rate(step);
            let difference = (found - expected).abs() / learning_rate;
            assert!(difference <= CLOSE, "{kind:?}, step {step}: {found} {expected}");
        }
    }
}
