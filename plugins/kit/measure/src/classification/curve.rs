//! The area under the receiver operating characteristic: how likely a row of a label gets a higher
//! probability of it than a row of another one.

use std::iter::zip;

use super::Predictions;

/// The area for the label `label` against all others; 0 where only one side has rows, as in
/// torchmetrics.
pub(super) fn area(predictions: &Predictions, label: usize) -> f64 {
    let rows = zip(&predictions.probabilities, &predictions.targets);
    let mut rows: Vec<(f64, bool)> =
        rows.map(|(chances, &target)| (chances[label], target == label)).collect();
    rows.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut below, mut area, mut positives) = (0.0, 0.0, 0.0);
    for equals in rows.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
        let right = equals.iter().filter(|(_, is_right)| *is_right).count() as f64;
        let wrong = equals.len() as f64 - right;
        area += right * (below + wrong / 2.0);
        below += wrong;
        positives += right;
    }
    let pairs = positives * below;
    if pairs == 0.0 { 0.0 } else { area / pairs }
}

/// The mean of the areas of all labels, by the number of their rows where `is_weighted`.
pub(super) fn mean_area(predictions: &Predictions, is_weighted: bool) -> f64 {
    let num_labels = predictions.probabilities.first().map_or(0, Vec::len);
    let weight = |label: usize| {
        let rows = predictions.targets.iter().filter(|&&target| target == label).count();
        if is_weighted { rows as f64 } else { 1.0 }
    };
    let weights: f64 = (0..num_labels).map(weight).sum();
    let weighted = (0..num_labels).map(|label| weight(label) * area(predictions, label));
    weighted.sum::<f64>() / weights
}
