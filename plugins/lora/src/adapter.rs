//! From what a user wrote to PEFT's settings of an adapter.

use olive_kit_adapters::{
    AdapterConfig, Bias, LohaConfig, LokrConfig, LokrStart, LoraConfig, LoraStart, MethodConfig,
    Names, TargetModules, TargetProblem, TargetSpec,
};
use olive_kit_checkpoint::Decoder;
use olive_plugin_api::Diagnostic;

use crate::config::{
    self, AdapterPass, Base, Common, InitLokrWeights, InitLoraWeights, LowRank, Method, NamedInit,
};

/// The word for all linear layers, in any case as in PEFT.
const ALL_LINEAR: &str = "all-linear";

/// Settings of the adapter that a pass trains on `decoder`.
///
/// # Errors
/// Every setting that names what the model does not have, or cannot be followed.
pub(crate) fn config(
    pass: &impl AdapterPass,
    decoder: &Decoder,
) -> Result<AdapterConfig, Vec<Diagnostic>> {
    let common = pass.common();
    let config = AdapterConfig {
        rank_pattern: common.rank_pattern.clone(),
        alpha_pattern: common.alpha_pattern.clone(),
        targets: targets(pass),
        ..AdapterConfig::new(method(pass.method()), common.r, common.alpha)
    };
    match config.resolve(decoder) {
        Ok(_) => Ok(config),
        Err(problems) => Err(problems.iter().map(finding).collect()),
    }
}

/// The first of some problems as a finding.
pub(crate) fn first(problems: &[TargetProblem]) -> Diagnostic {
    match problems.first() {
        Some(problem) => finding(problem),
        None => Diagnostic::error("unknown-module", "/target_modules", "nothing is adapted"),
    }
}

fn targets(pass: &impl AdapterPass) -> TargetSpec {
    let Common { target_modules, exclude_modules, layers_to_transform, .. } = pass.common();
    let modules = match target_modules {
        Some(config::Names::Pattern(word)) if word.eq_ignore_ascii_case(ALL_LINEAR) => {
            Some(TargetModules::AllLinear)
        }
        Some(written) => Some(TargetModules::Named(names(written))),
        None => adapts_all(pass).then_some(TargetModules::AllLinear),
    };
    let bias = match pass.method() {
        Method::Lora(low_rank) | Method::Dora(low_rank) => low_rank.bias,
        Method::Loha { .. } | Method::Lokr { .. } => config::Bias::None,
    };
    let pattern = pass.common().layers_pattern.as_ref();
    TargetSpec {
        modules,
        exclude: exclude_modules.as_ref().map(names),
        layers: layers_to_transform
            .as_ref()
            .map(|layers| layers.as_slice().to_vec())
            .unwrap_or_default(),
        layers_pattern: pattern.map(|names| names.as_slice().to_vec()).unwrap_or_default(),
        modules_to_save: pass.common().modules_to_save.clone().unwrap_or_default(),
        bias: match bias {
            config::Bias::None => Bias::None,
            config::Bias::All => Bias::All,
            config::Bias::LoraOnly => Bias::AdaptedOnly,
        },
    }
}

/// Whether every linear layer is adapted when none is named, as in Olive.
fn adapts_all(pass: &impl AdapterPass) -> bool {
    let is_low_rank = matches!(pass.method(), Method::Lora(_) | Method::Dora(_));
    !is_low_rank || pass.base() != Base::AsStored
}

fn names(written: &config::Names) -> Names {
    match written {
        config::Names::Pattern(pattern) => Names::Pattern(pattern.clone()),
        config::Names::List(names) => Names::Listed(names.clone()),
    }
}

fn method(method: Method<'_>) -> MethodConfig {
    match method {
        Method::Lora(low_rank) => MethodConfig::Lora(lora(low_rank, false)),
        Method::Dora(low_rank) => MethodConfig::Lora(lora(low_rank, true)),
        Method::Loha { lycoris, starts_random } => MethodConfig::Loha(LohaConfig {
            rank_dropout: lycoris.rank_dropout,
            module_dropout: lycoris.module_dropout,
            starts_random,
        }),
        Method::Lokr { lycoris, start, decomposes_both, factor, scales_rank_dropout } => {
            MethodConfig::Lokr(LokrConfig {
                rank_dropout: lycoris.rank_dropout,
                rank_dropout_scale: scales_rank_dropout,
                module_dropout: lycoris.module_dropout,
                decompose_both: decomposes_both,
                decompose_factor: factor,
                start: match start {
                    InitLokrWeights::Zero(true) => LokrStart::LeftZero,
                    InitLokrWeights::Zero(false) => LokrStart::Random,
                    InitLokrWeights::Named(config::LycorisInit::Lycoris) => LokrStart::RightZero,
                },
            })
        }
    }
}

fn lora(low_rank: &LowRank, use_dora: bool) -> LoraConfig {
    LoraConfig {
        dropout: low_rank.lora_dropout,
        use_rslora: low_rank.use_rslora,
        use_dora,
        start: match low_rank.init_lora_weights {
            InitLoraWeights::Zero(true) => LoraStart::Kaiming,
            InitLoraWeights::Zero(false) => LoraStart::Random,
            InitLoraWeights::Named(NamedInit::Gaussian) => LoraStart::Gaussian,
            InitLoraWeights::Named(NamedInit::Orthogonal) => LoraStart::Orthogonal,
        },
    }
}

/// A problem as a finding about the pass's settings.
fn finding(problem: &TargetProblem) -> Diagnostic {
    let setting = if problem.setting == "rank" { "r" } else { problem.setting };
    let pointer = match problem.index {
        Some(index) => format!("/{setting}/{index}"),
        None => format!("/{setting}"),
    };
    let found = Diagnostic::error("unknown-module", pointer, &problem.message);
    match &problem.help {
        Some(help) => found.with_help(help),
        None => found,
    }
}
