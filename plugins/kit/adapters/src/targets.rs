//! Which parts of a model are trained, by PEFT's rules.
//!
//! `check_target_module_exists` and `_set_trainable` of PEFT 0.21 are followed; what PEFT passes
//! over in silence, such as a name that nothing has, is a problem here.

mod matching;
mod modules;
mod problem;

use std::collections::BTreeSet;

use olive_kit_checkpoint::{Decoder, Family, Linear};

use self::matching::{Excluded, Layers};
pub(crate) use self::modules::{Modules, last_name};
pub use self::problem::TargetProblem;

/// What a user says about the parts of a model that are trained.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetSpec {
    /// Layers to adapt (`target_modules`); `None` means those usual for the model's family.
    pub modules: Option<TargetModules>,
    /// Layers not to adapt although they are named (`exclude_modules`).
    pub exclude: Option<Names>,
    /// Numbers of the only layers to adapt (`layers_to_transform`); empty means all.
    pub layers: Vec<usize>,
    /// Patterns of what stands before a layer's number (`layers_pattern`); empty means anything.
    pub layers_pattern: Vec<String>,
    /// Modules to train whole (`modules_to_save`).
    pub modules_to_save: Vec<String>,
    /// Biases to train (`bias`).
    pub bias: Bias,
}

/// Layers to adapt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetModules {
    /// The named ones.
    Named(Names),
    /// All linear layers but `lm_head` (`"all-linear"`).
    AllLinear,
}

/// Names of modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// Module paths, or ends of them after a dot.
    Listed(Vec<String>),
    /// A regular expression that matches whole module paths.
    Pattern(String),
}

/// Which biases of the model are trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bias {
    /// None.
    #[default]
    None,
    /// All of them.
    All,
    /// Those of adapted layers (`lora_only`).
    AdaptedOnly,
}

/// The parts of a model that are trained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// Adapted layers in order of computation; that of the logits is called `lm_head` even where
    /// it shares the embedding's weight.
    pub linears: Vec<Linear>,
    /// What PEFT's config holds as `target_modules`: names where the spec had none.
    pub modules: Names,
    /// Modules that are trained whole, in order of computation.
    pub saved: Vec<SavedModule>,
    /// Module paths of linear layers whose bias is trained without the weight, in order of
    /// computation.
    pub biased: Vec<Linear>,
}

/// A module that is trained whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedModule {
    /// Module path, such as `lm_head` or `model.layers.0.input_layernorm`.
    pub path: String,
    /// Shape of its weight.
    pub shape: Vec<usize>,
    /// Whether a bias, as long as the weight has rows, is trained too.
    pub has_bias: bool,
}

/// Finds the parts of `decoder` that `spec` names.
///
/// # Errors
/// Every problem of the spec: names of nothing, patterns that are none, layers that do not exist.
pub fn resolve(decoder: &Decoder, spec: &TargetSpec) -> Result<Targets, Vec<TargetProblem>> {
    let modules = Modules::of(decoder);
    let target_modules = target_modules(decoder, spec, &modules);
    let mut problems = Vec::new();
    let saved = matching::saved(&modules, &spec.modules_to_save, &mut problems);
    let excluded = Excluded::new(&modules, spec.exclude.as_ref(), &mut problems);
    let layers = Layers::new(decoder, spec, &mut problems);
    let is_named = matching::named(&modules, &target_modules, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let is_adapted = |linear: &&Linear| {
        let path = &linear.name;
        let is_saved = saved.iter().any(|saved| saved.path == *path);
        is_named(path) && !is_saved && !excluded.has(path) && layers.has(path)
    };
    let linears: Vec<_> = modules.linears.iter().filter(is_adapted).cloned().collect();
    if linears.is_empty() {
        return Err(vec![TargetProblem::nothing_left(&modules)]);
    }
    let biased = biased(&modules, spec.bias, &linears, &saved);
    Ok(Targets { linears, modules: target_modules, saved, biased })
}

/// What is said, or else Olive's choice for Phi-3 and PEFT's for the other families.
fn target_modules(decoder: &Decoder, spec: &TargetSpec, modules: &Modules) -> Names {
    match &spec.modules {
        Some(TargetModules::Named(names)) => names.clone(),
        Some(TargetModules::AllLinear) => {
            let in_layers =
                modules.linears.iter().filter(|linear| linear.name != Decoder::LM_HEAD_MODULE);
            let names: BTreeSet<_> = in_layers.map(|linear| last_name(&linear.name)).collect();
            Names::Listed(names.into_iter().map(str::to_owned).collect())
        }
        None => Names::Listed(by_family(decoder.family).map(str::to_owned).to_vec()),
    }
}

fn by_family(family: Family) -> [&'static str; 2] {
    match family {
        Family::Phi3 => ["o_proj", "qkv_proj"],
        Family::Llama
        | Family::Mistral
        | Family::Qwen2
        | Family::Qwen3
        | Family::Gemma
        | Family::Gemma2 => ["q_proj", "v_proj"],
    }
}

/// Layers whose bias is trained beside an adapter or alone; a module trained whole has its own.
fn biased(modules: &Modules, bias: Bias, adapted: &[Linear], saved: &[SavedModule]) -> Vec<Linear> {
    let is_trained = |linear: &&Linear| {
        let is_chosen = match bias {
            Bias::None => false,
            Bias::All => true,
            Bias::AdaptedOnly => adapted.contains(linear),
        };
        linear.has_bias && is_chosen && !saved.iter().any(|saved| saved.path == linear.name)
    };
    modules.linears.iter().filter(is_trained).cloned().collect()
}

#[cfg(test)]
mod tests;
