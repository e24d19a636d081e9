//! Quality that a pass cost, told instead of hidden.

use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::footprint::{Footprint, ModelRecord};
use olive_schemas::metric::MetricValue;
use olive_schemas::pointer::escape;

use super::figures::{Unit, share};
use super::lineage::{baseline, way};

/// Code of the warning.
pub const CODE: &str = "quality-loss";
/// Share that a model may lose in silence: 5 points.
const TOLERATED: f64 = 0.05;
/// Room for the rounding of shares.
const ROUNDING: f64 = 1e-9;

/// Warnings about models that lost more than 5 points of a share metric against the nearest
/// ancestor it was measured on; after a search only about those on the way to the result.
///
/// `help_of` gives what to try instead for a type of pass.
pub fn losses(footprint: &Footprint, help_of: &dyn Fn(&str) -> Option<String>) -> Vec<Diagnostic> {
    let models = way(footprint).into_iter();
    let values = models.flat_map(|model| model.metrics.iter().map(move |value| (model, value)));
    values.filter_map(|(model, value)| loss(footprint, model, value, help_of)).collect()
}

fn loss(
    footprint: &Footprint,
    model: &ModelRecord,
    value: &MetricValue,
    help_of: &dyn Fn(&str) -> Option<String>,
) -> Option<Diagnostic> {
    let before = baseline(footprint, model, &value.key())?;
    let lost = before.value - value.value;
    let is_share = Unit::of(value) == Unit::Share && before.value <= 1.0;
    if !is_share || lost <= TOLERATED + ROUNDING {
        return None;
    }
    let name = model.pass_name.as_deref()?;
    let kind = model.from_pass.as_deref()?;
    let mut subject = before.skipped.join("`, `");
    if !subject.is_empty() {
        subject = format!("`{subject}` and ");
    }
    let message = format!(
        "{subject}`{name}` ({kind}) lowered {} from {} to {}, by {:.1} points",
        value.key(),
        share(before.value),
        share(value.value),
        lost * 100.0
    );
    let pointer = format!("/passes/{}", escape(name));
    let mut diagnostic = Diagnostic::new(Severity::Warning, CODE, pointer, message);
    diagnostic.help = help_of(kind);
    Some(diagnostic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn check(shares: [Option<f64>; 3], expected: &[&str]) {
        let found = losses(&sample::shares(&shares), &|kind| Some(format!("help of {kind}")));
        let messages: Vec<&str> = found.iter().map(|found| found.message.as_str()).collect();
        assert_eq!(messages, expected);
        for found in found {
            assert_eq!(found.pointer, "/passes/third");
            assert_eq!(found.help.as_deref(), Some("help of Third"));
        }
    }

    #[test]
    fn a_loss_over_five_points_is_a_warning() {
        check(
            [None, Some(0.883), Some(0.55)],
            &["`third` (Third) lowered tone-exact_match from 88.3 % to 55.0 %, by 33.3 points"],
        );
    }

    #[test]
    fn models_that_were_not_measured_share_the_blame() {
        check(
            [Some(0.9), None, Some(0.8)],
            &["`second` and `third` (Third) lowered tone-exact_match from 90.0 % to 80.0 %, \
               by 10.0 points"],
        );
    }

    #[test]
    fn five_points_a_gain_or_no_baseline_are_silent() {
        check([None, Some(0.75), Some(0.7)], &[]);
        check([None, Some(0.5), Some(0.9)], &[]);
        check([None, None, Some(0.1)], &[]);
    }

    #[test]
    fn what_a_search_did_not_take_may_be_bad() {
        let found = losses(&sample::searches::full(), &|_| None);
        assert_eq!(found, []);
    }

    #[test]
    fn perplexity_and_speed_are_no_quality_shares() {
        let mut footprint = sample::shares(&[Some(1.0), None, Some(0.1)]);
        for sub_type in ["perplexity", "avg", "bytes"] {
            for model in &mut footprint.models {
                model.metrics.iter_mut().for_each(|value| value.sub_type = sub_type.into());
            }
            assert_eq!(losses(&footprint, &|_| None), []);
        }
    }
}
