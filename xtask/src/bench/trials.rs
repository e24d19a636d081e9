//! What searches found, read from their footprints.

use serde_json::Value;

/// The footprint of a search.
pub(super) struct Found(pub(super) Value);

impl Found {
    pub(super) fn trials(&self) -> &[Value] {
        self.0["search"]["trials"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Figures of the model that the search began with.
    pub(super) fn input_figure(&self, name: &str) -> Option<f64> {
        value(&self.0["models"].as_array()?.first()?["metrics"], name)
    }

    /// What the search chose, or what comes nearest.
    pub(super) fn result(&self) -> String {
        let search = &self.0["search"];
        let number =
            if search["chosen"][0].is_null() { &search["nearest"] } else { &search["chosen"][0] };
        let trial = self.trials().iter().find(|trial| trial["number"] == *number);
        trial.map(choices).unwrap_or_default()
    }

    /// The smallest of those that meet the goal, looked for without the search's own order.
    pub(super) fn smallest(&self) -> String {
        let limit = self.0["goals"][0]["limit"].as_f64().unwrap_or(f64::INFINITY);
        let measured = self.trials().iter().filter_map(|trial| {
            let figure = |name: &str| self.figure(trial, name);
            Some((trial, figure("exact_match")?, figure("bytes")?))
        });
        let good = measured.filter(|(_, accuracy, _)| *accuracy >= limit);
        let smallest = good.min_by(|(_, _, one), (_, _, other)| one.total_cmp(other));
        smallest.map(|(trial, ..)| choices(trial)).unwrap_or_default()
    }

    /// A figure of the model of `trial`.
    pub(super) fn figure(&self, trial: &Value, name: &str) -> Option<f64> {
        let id = trial["models"].as_array()?.last()?;
        let mut models = self.0["models"].as_array()?.iter();
        value(&models.find(|model| model["model_id"] == *id)?["metrics"], name)
    }

    pub(super) fn duration(&self) -> f64 {
        self.0["duration_sec"].as_f64().unwrap_or(f64::NAN)
    }
}

/// The figure of this name among `metrics`.
fn value(metrics: &Value, name: &str) -> Option<f64> {
    metrics.as_array()?.iter().find(|metric| metric["sub_type"] == name)?["value"].as_f64()
}

/// The choices of a trial in a line.
pub(super) fn choices(trial: &Value) -> String {
    let choice = |choice: &Value| match choice["setting"].as_str() {
        Some(setting) => format!("{setting}={}", choice["value"]),
        None => choice["value"].to_string(),
    };
    let choices = trial["choices"].as_array().into_iter().flatten().map(choice);
    choices.collect::<Vec<_>>().join(" ").replace('"', "")
}
