//! How a session is made: what computes, with how many threads, and with which options.

use olive_plugin_api::{InferenceSettings, SessionOptions, StepContext};
use ort::environment::Environment;
use ort::ep::CPU;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::{BuilderResult, GraphOptimizationLevel, SessionBuilder};

use crate::error::OnnxError;
use crate::provider::Provider;

/// What a session is made with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SessionSettings {
    provider: Provider,
    /// With the number of threads within a node.
    options: SessionOptions,
}

impl SessionSettings {
    /// The processor with `threads` threads, all else as the runtime has it.
    pub(crate) fn cpu(threads: usize) -> Self {
        let intra_op_num_threads = Some(threads);
        let options = SessionOptions { intra_op_num_threads, ..SessionOptions::default() };
        Self { provider: Provider::cpu(), options }
    }

    /// What a step asks for: the provider of its accelerator, with its threads.
    pub(crate) fn of(ctx: &StepContext<'_>) -> Self {
        Self { provider: Provider::of(ctx), ..Self::cpu(ctx.threads()) }
    }

    /// The same where `settings` say nothing, else what they say.
    ///
    /// # Errors
    /// When they contradict themselves.
    pub(crate) fn with(&self, settings: &InferenceSettings) -> Result<Self, OnnxError> {
        let provider = self.provider.chosen(settings)?;
        let mut options = settings.session_options.clone().unwrap_or_default();
        let threads = options.intra_op_num_threads.or(self.options.intra_op_num_threads);
        options.intra_op_num_threads = threads;
        Ok(Self { provider, options })
    }

    /// The same, where a graph is run on another kind of device.
    #[must_use]
    pub(crate) fn on(self, device: Option<olive_plugin_api::Device>) -> Self {
        match device {
            Some(device) => Self { provider: self.provider.on(device), ..self },
            None => self,
        }
    }

    /// What computes.
    pub(crate) fn provider(&self) -> &Provider {
        &self.provider
    }

    /// A builder of sessions that are run so.
    ///
    /// # Errors
    /// When the provider cannot be used, or the runtime does not take the options.
    pub(crate) fn builder(&self, environment: &Environment) -> Result<SessionBuilder, OnnxError> {
        let options = self.set(Session::builder(environment)?);
        let builder = options.map_err(|error| OnnxError::Options { source: error.into() })?;
        self.provider.append(builder, environment)
    }

    fn set(&self, mut builder: SessionBuilder) -> BuilderResult {
        let options = &self.options;
        if let Some(threads) = options.intra_op_num_threads {
            builder = builder.with_intra_threads(threads)?;
        }
        if let Some(threads) = options.inter_op_num_threads {
            builder = builder.with_inter_threads(threads)?;
        }
        if let Some(mode) = options.execution_mode {
            builder = builder.with_parallel_execution(mode == 1)?;
        }
        if let Some(level) = options.graph_optimization_level {
            builder = builder.with_optimization_level(optimization(level))?;
        }
        if let Some(is_planned) = options.enable_mem_pattern {
            builder = builder.with_memory_pattern(is_planned)?;
        }
        if let Some(is_kept) = options.enable_cpu_mem_arena {
            let processor = CPU::default().with_arena_allocator(is_kept).build();
            builder = builder.with_execution_providers([processor])?;
        }
        for (key, value) in options.extra_session_config.iter().flatten() {
            builder = builder.with_config_entry(key, value.to_string())?;
        }
        match options.log_severity_level {
            Some(level) => builder.with_log_level(severity(level)),
            None => Ok(builder),
        }
    }
}

/// The level that Olive, as ONNX Runtime's own interface, gives the number `level`.
fn optimization(level: u8) -> GraphOptimizationLevel {
    match level {
        0 => GraphOptimizationLevel::Disable,
        1 => GraphOptimizationLevel::Level1,
        2 => GraphOptimizationLevel::Level2,
        3 => GraphOptimizationLevel::Level3,
        _ => GraphOptimizationLevel::All,
    }
}

fn severity(level: u8) -> LogLevel {
    match level {
        0 => LogLevel::Verbose,
        1 => LogLevel::Info,
        2 => LogLevel::Warning,
        3 => LogLevel::Error,
        _ => LogLevel::Fatal,
    }
}

#[cfg(test)]
mod tests {
    use olive_kit_onnx::Model;
    use olive_kit_testing::fixture;
    use olive_plugin_api::InferenceSettings;
    use olive_plugin_api::testing::{Companion, changes, ignored, settings_of};
    use olive_schemas::types::schema_of;
    use serde_json::{Value, json};

    use super::SessionSettings;
    use crate::library::environment;

    fn settings(threads: usize, session_options: &Value) -> SessionSettings {
        let settings = json!({"session_options": session_options});
        SessionSettings::cpu(threads).with(&serde_json::from_value(settings).unwrap()).unwrap()
    }

    /// Every setting is changed, one at a time: the session must be made otherwise, or be refused.
    #[test]
    fn every_setting_counts() {
        let schema = schema_of::<InferenceSettings>();
        let mut known = settings_of(&schema);
        known.retain(|setting| !setting.is_left_out);
        assert!(known.len() > 9, "{known:?}");
        let acme = json!({"execution_provider": "AcmeProvider"});
        let companions = [
            Companion::with("/execution_provider", acme.clone()).to(json!("OtherProvider")),
            Companion::with("/provider_options", acme).to(json!([{"device_id": 1}])),
        ];
        let made = |settings: &Value| {
            let settings = serde_json::from_value(settings.clone()).unwrap();
            format!("{:?}", SessionSettings::cpu(2).with(&settings))
        };
        assert_eq!(ignored(&changes(&json!({}), &known, &companions), made), Vec::<String>::new());
    }

    #[test]
    fn threads_of_the_step_are_those_of_settings_that_say_nothing() {
        assert_eq!(settings(3, &json!({})), settings(2, &json!({"intra_op_num_threads": 3})));
        assert_ne!(settings(3, &json!({})), settings(2, &json!({})));
    }

    /// The runtime writes the graph that it would run.
    #[test]
    fn the_optimization_level_arrives() {
        if let Err(error) = environment() {
            println!("skipped: {error}");
            return;
        }
        let path = fixture("builder/tiny-phi3-fp32").join("model.onnx");
        let nodes = |level: u8| {
            let written = tempfile::tempdir().unwrap();
            let optimized = written.path().join("model.onnx");
            let settings = settings(1, &json!({"graph_optimization_level": level}));
            let builder = settings.builder(&environment().unwrap()).unwrap();
            let mut builder = builder.with_optimized_model_path(&optimized).unwrap();
            builder.commit_from_file(&path).unwrap();
            Model::open(&optimized).unwrap().graph.node.len()
        };
        let counts = [0, 1, 2, 3, 99].map(nodes);
        assert!(
            counts.is_sorted_by(|less, more| less >= more) && counts[4] < counts[0],
            "{counts:?}"
        );
    }
}
