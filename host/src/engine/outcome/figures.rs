//! Figures of custom metrics: exactly those that were asked for, as the config ranks them.

use olive_schemas::metric::{EvaluatorConfig, Metric, MetricKind, MetricValue, SubMetric};
use serde::Deserialize;

use crate::plan::Step;

/// `values` in the order of the config of `step`, with its priorities and directions; those of other
/// metrics than custom ones as they are.
///
/// # Errors
/// What else the plugin answers with, or leaves out.
pub(super) fn figures(step: &Step, values: Vec<MetricValue>) -> Result<Vec<MetricValue>, String> {
    let config = EvaluatorConfig::deserialize(&step.full_config).unwrap_or_default();
    match config.metrics.as_slice() {
        [metric] if metric.kind == MetricKind::Custom => of_metric(metric, values),
        _ => Ok(values),
    }
}

fn of_metric(metric: &Metric, mut values: Vec<MetricValue>) -> Result<Vec<MetricValue>, String> {
    let figures = metric.sub_types.iter().map(|asked| {
        let is_it =
            |value: &MetricValue| value.metric == metric.name && value.sub_type == asked.name;
        let missing = || format!("no figure `{}` of metric `{}`", asked.name, metric.name);
        let place = values.iter().position(is_it).ok_or_else(missing)?;
        settled(metric, asked, &values.remove(place))
    });
    let figures: Vec<MetricValue> = figures.collect::<Result<_, _>>()?;
    match values.first() {
        Some(other) => Err(format!("`{}`, a figure that was not asked for", other.key())),
        None => Ok(figures),
    }
}

fn settled(metric: &Metric, asked: &SubMetric, value: &MetricValue) -> Result<MetricValue, String> {
    let key = value.key();
    let is_sound = value.uncertainty.is_none_or(|sure| {
        sure.low <= value.value && value.value <= sure.high && sure.stderr >= 0.0
    });
    if !value.value.is_finite() {
        return Err(format!("`{key}` = {}, which is no number", value.value));
    }
    if !is_sound {
        return Err(format!("`{key}` outside of its own interval"));
    }
    Ok(MetricValue { uncertainty: value.uncertainty, ..metric.figure(asked, value.value) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::of_metric;

    fn check(values: &Value, expected: Result<&[(&str, f64, i32, bool)], &str>) {
        let metric = json!({
            "name": "m", "type": "custom", "user_config": {"evaluator": "Acme"},
            "sub_types": [{"name": "a", "priority": 1}, {"name": "b", "higher_is_better": false}]
        });
        let metric = serde_json::from_value(metric).unwrap();
        let found = of_metric(&metric, serde_json::from_value(values.clone()).unwrap());
        let found = found.map(|values| {
            let told =
                values.into_iter().map(|it| (it.key(), it.value, it.priority, it.higher_is_better));
            told.collect::<Vec<_>>()
        });
        let expected = expected.map(|rows| {
            rows.iter().map(|(key, v, p, h)| ((*key).to_owned(), *v, *p, *h)).collect::<Vec<_>>()
        });
        assert_eq!(found, expected.map_err(str::to_owned), "{values}");
    }

    #[test]
    fn what_was_asked_for_is_what_is_kept() {
        let (a, b) = (
            json!({"metric": "m", "sub_type": "a", "value": 1.5, "higher_is_better": false}),
            json!({"metric": "m", "sub_type": "b", "value": 2, "priority": 9}),
        );
        let right = [("m-a", 1.5, 1, true), ("m-b", 2.0, -1, false)];
        check(&json!([a, b]), Ok(&right));
        check(&json!([b, a]), Ok(&right));
        check(&json!([a]), Err("no figure `b` of metric `m`"));
        let other = json!({"metric": "m", "sub_type": "c", "value": 1});
        check(&json!([a, b, other]), Err("`m-c`, a figure that was not asked for"));
        check(&json!([a, b, b]), Err("`m-b`, a figure that was not asked for"));
        let unsure = json!({
            "metric": "m", "sub_type": "b", "value": 2,
            "uncertainty": {"count": 3, "stderr": 0.1, "low": 2.5, "high": 3}
        });
        check(&json!([a, unsure]), Err("`m-b` outside of its own interval"));
    }
}
