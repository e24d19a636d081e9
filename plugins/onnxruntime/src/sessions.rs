//! A decoder graph whose session is made anew when a metric asks for other settings.

use std::path::PathBuf;

use olive_kit_measure::{LanguageModel, Logits, ModelError, Positions};
use olive_plugin_api::{InferenceSettings, LogLevel, Metric, StepContext};

use crate::error::OnnxError;
use crate::genai_config::GenaiConfig;
use crate::model::OnnxLanguageModel;
use crate::session::SessionSettings;

/// A decoder graph, run as the model and the metric at hand ask for it.
pub(crate) struct Sessions<'a> {
    ctx: &'a StepContext<'a>,
    graph_path: PathBuf,
    config: GenaiConfig,
    /// What the model says about how it is run.
    own: Option<InferenceSettings>,
    settings: SessionSettings,
    /// None only while another is being made: there are never two.
    model: Option<OnnxLanguageModel>,
}

impl<'a> Sessions<'a> {
    /// Loads the graph at `graph_path` that `config` describes, to be run as `asked`, else as the
    /// model's `own` settings say, else as the step does.
    ///
    /// # Errors
    /// Those of [`OnnxLanguageModel::open_with`].
    pub(crate) fn open(
        ctx: &'a StepContext<'a>,
        graph_path: PathBuf,
        config: GenaiConfig,
        own: Option<InferenceSettings>,
        asked: Option<&InferenceSettings>,
    ) -> Result<Self, OnnxError> {
        let settings = settings(ctx, own.as_ref(), asked)?;
        let mut sessions = Self { ctx, graph_path, config, own, settings, model: None };
        sessions.load()?;
        Ok(sessions)
    }

    fn load(&mut self) -> Result<(), OnnxError> {
        let config = self.config.clone();
        let model = OnnxLanguageModel::open_with(&self.settings, &self.graph_path, config)?;
        if let Some(told) = model.assignment() {
            self.ctx.log(LogLevel::Info, told);
        }
        self.model = Some(model);
        Ok(())
    }
}

/// How a model with its `own` settings is run where `asked` go before them.
pub(crate) fn settings(
    ctx: &StepContext<'_>,
    own: Option<&InferenceSettings>,
    asked: Option<&InferenceSettings>,
) -> Result<SessionSettings, OnnxError> {
    let settings = asked.cloned().unwrap_or_default().over(own);
    SessionSettings::of(ctx).with(&settings)
}

/// What `metric` says about how ONNX models are run.
pub(crate) fn asked(metric: &Metric) -> Option<&InferenceSettings> {
    metric.user_config.inference_settings.as_ref()?.onnx.as_ref()
}

impl LanguageModel for Sessions<'_> {
    fn vocab_size(&self) -> usize {
        self.config.model.vocab_size
    }

    fn eos_token_ids(&self) -> &[u32] {
        self.config.model.eos_token_id.as_slice()
    }

    fn max_positions(&self) -> usize {
        self.config.model.context_length
    }

    fn set_up(&mut self, metric: &Metric) -> Result<(), ModelError> {
        let settings = settings(self.ctx, self.own.as_ref(), asked(metric))?;
        if settings != self.settings || self.model.is_none() {
            self.model = None;
            self.settings = settings;
            self.load()?;
        }
        Ok(())
    }

    fn reset(&mut self) {
        if let Some(model) = &mut self.model {
            model.reset();
        }
    }

    fn truncate(&mut self, tokens: usize) -> bool {
        self.model.as_mut().is_some_and(|model| model.truncate(tokens))
    }

    fn forward(&mut self, tokens: &[u32], positions: Positions) -> Result<Logits<'_>, ModelError> {
        match &mut self.model {
            Some(model) => model.forward(tokens, positions),
            None => Err("its session could not be made".into()),
        }
    }
}
