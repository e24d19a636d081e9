//! Which model was made from which.

use olive_schemas::footprint::{Footprint, ModelRecord};

/// A metric's value on an ancestor.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline<'a> {
    /// The value.
    pub value: f64,
    /// The ancestor it was measured on.
    pub model: &'a ModelRecord,
    /// Models between that have no such value, the earliest first.
    pub skipped: Vec<&'a str>,
}

/// The metric `key` of the nearest ancestor of `model` it was measured on.
pub fn baseline<'a>(
    footprint: &'a Footprint,
    model: &ModelRecord,
    key: &str,
) -> Option<Baseline<'a>> {
    let mut skipped = Vec::new();
    for ancestor in ancestors(footprint, model) {
        if let Some(value) = ancestor.metrics.iter().find(|value| value.key() == key) {
            skipped.reverse();
            return Some(Baseline { value: value.value, model: ancestor, skipped });
        }
        skipped.push(ancestor.title());
    }
    None
}

/// The models `model` was made from, nearest first.
pub fn ancestors<'a>(
    footprint: &'a Footprint,
    model: &ModelRecord,
) -> impl Iterator<Item = &'a ModelRecord> {
    let parent = move |of: &ModelRecord| footprint.model(of.parent_model_id.as_deref()?);
    // A damaged record may be its own ancestor.
    let limit = footprint.models.len();
    std::iter::successors(parent(model), move |&of| parent(of)).take(limit)
}

/// The models from the input model to the last one, which is the result when there is one.
pub fn way(footprint: &Footprint) -> Vec<&ModelRecord> {
    let Some(last) = footprint.models.last() else { return Vec::new() };
    let mut way: Vec<&ModelRecord> =
        std::iter::once(last).chain(ancestors(footprint, last)).collect();
    way.reverse();
    way
}

/// Whether `model` is one of those on `way`.
pub fn is_on(way: &[&ModelRecord], model: &ModelRecord) -> bool {
    way.iter().any(|other| std::ptr::eq(*other, model))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_way_to_the_result_leaves_out_what_other_trials_made() {
        let footprint = sample::searches::full();
        let titles: Vec<&str> = way(&footprint).iter().map(|model| model.title()).collect();
        assert_eq!(titles, ["input model", "tune", "quantize"]);
        assert_eq!(way(&sample::full()).len(), 4);
    }
}
