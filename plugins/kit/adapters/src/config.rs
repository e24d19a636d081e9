//! What an adapter is: `adapter_config.json` as PEFT 0.21 reads and writes it.

mod layer_settings;
mod read;
mod write;

use std::collections::BTreeMap;

use olive_kit_checkpoint::Decoder;

pub(crate) use self::layer_settings::LayerSettings;
use crate::error::AdapterError;
use crate::targets::{self, Names, TargetModules, TargetProblem, TargetSpec, Targets};

/// Name of an adapter's config file.
pub(crate) const ADAPTER_CONFIG: &str = "adapter_config.json";

/// Settings of an adapter.
#[derive(Debug, Clone, PartialEq)]
pub struct AdapterConfig {
    /// How layers are adapted.
    pub method: MethodConfig,
    /// Rank of the adapters, at least 1.
    pub rank: usize,
    /// Numerator of the scale.
    pub alpha: f64,
    /// Other ranks for some layers, by patterns of the end of their path. Of two that match, the
    /// first in the alphabet holds.
    pub rank_pattern: BTreeMap<String, usize>,
    /// Other alphas for some layers, likewise.
    pub alpha_pattern: BTreeMap<String, f64>,
    /// Which parts of the model are trained.
    pub targets: TargetSpec,
    /// What the adapted model does, such as `CAUSAL_LM`.
    pub task_type: Option<String>,
    /// The model the adapter is trained on.
    pub base_model: Option<String>,
}

/// A method with its own settings.
#[derive(Debug, Clone, PartialEq)]
pub enum MethodConfig {
    /// `LoRA` and `DoRA`.
    Lora(LoraConfig),
    /// `LoHa`.
    Loha(LohaConfig),
    /// `LoKr`.
    Lokr(LokrConfig),
}

/// Settings of `LoRA` alone.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LoraConfig {
    /// Dropout on the input while training.
    pub dropout: f64,
    /// Whether the scale is `alpha / sqrt(rank)` instead of `alpha / rank`.
    ///
    /// Kalajdzievski, "A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA" (2023).
    pub use_rslora: bool,
    /// Whether a magnitude for each row is trained too (`DoRA`).
    pub use_dora: bool,
    /// First values.
    pub start: LoraStart,
}

/// First values of `LoRA` factors (`init_lora_weights`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LoraStart {
    /// `A` Kaiming-uniform, `B` zero (`true`).
    #[default]
    Kaiming,
    /// Both Kaiming-uniform, so that the model is changed from the start (`false`).
    Random,
    /// `A` normal with deviation `1 / rank`, `B` zero (`"gaussian"`).
    Gaussian,
    /// Rows of `A` and columns of `B` from halves of one orthogonal matrix; the rank is even, and
    /// the model is changed from the start (`"orthogonal"`).
    Orthogonal,
}

/// Settings of `LoHa` alone.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LohaConfig {
    /// Probability of dropping a row of what is added while training.
    pub rank_dropout: f64,
    /// Probability of dropping what is added as a whole while training.
    pub module_dropout: f64,
    /// Whether the model is changed from the start (`init_weights` is `false`).
    pub starts_random: bool,
}

/// Settings of `LoKr` alone.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LokrConfig {
    /// Probability of dropping a row of what is added while training.
    pub rank_dropout: f64,
    /// Whether kept rows are scaled up by what was dropped.
    pub rank_dropout_scale: bool,
    /// Probability of dropping what is added as a whole while training.
    pub module_dropout: f64,
    /// Whether the left matrix too is a product where the rank is small enough.
    pub decompose_both: bool,
    /// Size of the left matrix; `None` (`-1`) means near the square root of the layer's.
    pub decompose_factor: Option<usize>,
    /// First values.
    pub start: LokrStart,
}

/// First values of `LoKr` factors (`init_weights`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LokrStart {
    /// Left matrix zero, right one Kaiming-uniform (`true`).
    #[default]
    LeftZero,
    /// Both Kaiming-uniform, so that the model is changed from the start (`false`).
    Random,
    /// Left matrix Kaiming-uniform, right one zero (`"lycoris"`).
    RightZero,
}

impl AdapterConfig {
    /// An adapter for a causal language model with this method, rank and alpha, on the layers usual
    /// for the model's family.
    pub fn new(method: MethodConfig, rank: usize, alpha: f64) -> Self {
        Self {
            method,
            rank,
            alpha,
            rank_pattern: BTreeMap::new(),
            alpha_pattern: BTreeMap::new(),
            targets: TargetSpec::default(),
            task_type: Some("CAUSAL_LM".into()),
            base_model: None,
        }
    }

    /// A LoRA on the layers with these names.
    pub fn lora(rank: usize, alpha: f64, dropout: f64, target_modules: &[&str]) -> Self {
        let method = MethodConfig::Lora(LoraConfig { dropout, ..LoraConfig::default() });
        let names = target_modules.iter().map(|&name| name.to_owned()).collect();
        let modules = Some(TargetModules::Named(Names::Listed(names)));
        let targets = TargetSpec { modules, ..TargetSpec::default() };
        Self { targets, ..Self::new(method, rank, alpha) }
    }

    /// Finds the parts of `decoder` that are trained.
    ///
    /// # Errors
    /// Every setting that cannot be followed or means nothing.
    pub fn resolve(&self, decoder: &Decoder) -> Result<Targets, Vec<TargetProblem>> {
        let targets = targets::resolve(decoder, &self.targets)?;
        let problems = layer_settings::problems(self, &targets);
        if problems.is_empty() { Ok(targets) } else { Err(problems) }
    }
}

impl MethodConfig {
    /// The name PEFT has for it: `peft_type`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lora(_) => "LORA",
            Self::Loha(_) => "LOHA",
            Self::Lokr(_) => "LOKR",
        }
    }
}
