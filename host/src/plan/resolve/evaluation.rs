//! Steps that measure a model.

use std::mem;

use olive_schemas::descriptor::EvaluatorDescriptor;
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::metric::{EvaluatorConfig, Metric, MetricKind};
use olive_schemas::pointer::escape;
use olive_schemas::types;
use serde_json::json;

use super::super::settings::{Ground, Settings, settle};
use super::super::{PlanError, Role, goals, samples};
use super::{Effort, Planning};
use crate::config::schema::quoted;
use crate::plugin::{CustomEntry, InstalledPlugin};
use crate::store::StepKey;

/// Place of what a custom evaluator is told, in the config of its step.
const SETTINGS: &str = "/metrics/0/user_config/settings";

impl<'a> Planning<'a> {
    /// The metrics of the evaluator `name`, with the directions that plugins know of their figures.
    pub(super) fn evaluator(&self, name: &str) -> EvaluatorConfig {
        let mut config = self.checked.evaluator(name).unwrap_or_default();
        for metric in &mut config.metrics {
            let Some(entry) = self.custom(metric) else { continue };
            for figure in &mut metric.sub_types {
                let known = entry.custom.is_higher_better(&figure.name);
                figure.higher_is_better.get_or_insert(known);
            }
        }
        config
    }

    /// Steps that measure the model so far: one for what the evaluator of its kind measures, or one
    /// a metric for a trial, and one for each metric of a plugin's own.
    pub(super) fn evaluation(
        &mut self,
        evaluator: &str,
        ground: &mut Ground<'_>,
    ) -> Result<(), PlanError> {
        let mut config = self.evaluator(evaluator);
        let pointer = format!("/evaluators/{}", escape(evaluator));
        let metrics = mem::take(&mut config.metrics).into_iter().enumerate();
        let (custom, usual): (Vec<_>, Vec<_>) =
            metrics.partition(|(_, metric)| metric.kind == MetricKind::Custom);
        config.metrics = usual.into_iter().map(|(_, metric)| metric).collect();
        if !config.metrics.is_empty() {
            self.usual(config, &pointer, ground)?;
        }
        for (index, metric) in custom {
            self.own(metric, (&pointer, index), ground)?;
        }
        Ok(())
    }

    /// Metrics that the evaluator of the model's kind measures.
    fn usual(
        &mut self,
        config: EvaluatorConfig,
        pointer: &str,
        ground: &mut Ground<'_>,
    ) -> Result<(), PlanError> {
        let catalog = self.catalog;
        let kinds: Vec<_> = config.metrics.iter().map(|metric| metric.kind).collect();
        let Some((plugin, descriptor)) = catalog.evaluator(self.kind, &kinds) else {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            let message = format!(
                "no installed plugin measures {} of `{}`, a model of type {}",
                quoted(&names),
                self.title,
                self.kind
            );
            let mut problem = Diagnostic::error("no-evaluator", pointer, message);
            problem.help = self.catalog.absence_help_of("evaluator");
            ground.problems.push(problem);
            return Ok(());
        };
        let parts = if self.is_trial { by_metric(config) } else { vec![(None, config)] };
        for (metric, config) in parts {
            let own = serde_json::to_value(goals::without(config.clone())).unwrap_or_default();
            let settings = settle(&own, types::evaluator(), pointer, ground)?;
            self.measure(metric, &config, (plugin, descriptor), settings, ground)?;
        }
        Ok(())
    }

    /// A metric that a plugin's evaluator measures which it names; the evaluator config stands at a
    /// pointer, and the metric has a place in its list.
    fn own(
        &mut self,
        metric: Metric,
        (pointer, index): (&str, usize),
        ground: &mut Ground<'_>,
    ) -> Result<(), PlanError> {
        // The check has refused evaluators that no plugin has.
        let Some(CustomEntry { plugin, descriptor, custom }) = self.custom(&metric) else {
            return Ok(());
        };
        let place = format!("{pointer}/metrics/{index}/user_config");
        if !descriptor.accepts.contains(&self.kind) {
            let kinds: Vec<String> = descriptor.accepts.iter().map(ToString::to_string).collect();
            let (name, kinds) = (&descriptor.name, kinds.join(" or "));
            let message = format!(
                "evaluator `{name}` measures models of type {kinds}, and `{}` is one of type {}",
                self.title, self.kind
            );
            let help = "give the metric to an `evaluator` of the pass whose model it can measure, \
                        and set `evaluate_input_model` to `false` where that is the input model";
            let problem = Diagnostic::error("no-evaluator", place + "/evaluator", message);
            ground.problems.push(problem.with_help(help));
            return Ok(());
        }
        let told = json!(metric.user_config.settings);
        let told = settle(&told, &custom.schema, &format!("{place}/settings"), ground)?;
        let name = metric.name.clone();
        let config = EvaluatorConfig { metrics: vec![metric] };
        let mut own = serde_json::to_value(goals::without(config.clone())).unwrap_or_default();
        own["metrics"][0]["user_config"]["settings"] = json!({});
        let mut settings = settle(&own, types::evaluator(), pointer, ground)?;
        settings.take_in(SETTINGS, told);
        self.measure(Some(name), &config, (plugin, descriptor), settings, ground)
    }

    /// The evaluator of a plugin that measures `metric`, when it is one of those.
    fn custom(&self, metric: &Metric) -> Option<CustomEntry<'a>> {
        let name = metric.user_config.evaluator.as_deref();
        let name = name.filter(|_| metric.kind == MetricKind::Custom)?;
        self.catalog.custom_evaluator(name)
    }

    /// A step in which the evaluator of a plugin measures what `config` asks for; the step is of one
    /// `metric` when it is named.
    fn measure(
        &mut self,
        metric: Option<String>,
        config: &EvaluatorConfig,
        (plugin, evaluator): (&InstalledPlugin, &EvaluatorDescriptor),
        settings: Settings,
        ground: &mut Ground<'_>,
    ) -> Result<(), PlanError> {
        let engine = &self.checked.workflow().engine;
        let system = self.system(engine.target.as_ref().or(engine.host.as_ref()), ground)?;
        let role = Role::Evaluation { of: self.title.clone(), metric };
        let (name, accepts) = (&evaluator.name, &evaluator.accepts);
        let threads = self.threads_on(system.as_ref());
        let effort = Effort { threads, threads_change_result: true, ranks: 1 };
        let key = self.push(role, plugin, name, effort, settings, accepts);
        self.run_on(system);
        let key = StepKey::from_name(key);
        self.samples.extend(samples::of(config, &key, &self.title, ground.folder));
        Ok(())
    }
}

/// `evaluator` once for each of its metrics, those first that take the least time.
fn by_metric(evaluator: EvaluatorConfig) -> Vec<(Option<String>, EvaluatorConfig)> {
    let mut metrics = evaluator.metrics;
    metrics.sort_by_key(|metric| match metric.kind {
        MetricKind::SizeOnDisk => 0,
        MetricKind::Latency | MetricKind::Throughput | MetricKind::Memory => 1,
        MetricKind::Accuracy | MetricKind::Custom => 2,
    });
    let one =
        |metric: Metric| (Some(metric.name.clone()), EvaluatorConfig { metrics: vec![metric] });
    metrics.into_iter().map(one).collect()
}
