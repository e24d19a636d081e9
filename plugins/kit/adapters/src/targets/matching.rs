//! Which module paths a setting means.

use olive_kit_checkpoint::Decoder;

use super::modules::{Modules, ends_with};
use super::problem::{TargetProblem, list};
use super::{Names, SavedModule, TargetSpec};
use crate::pattern::Pattern;

const TARGETS: &str = "target_modules";
const EXCLUDE: &str = "exclude_modules";
const LAYERS: &str = "layers_to_transform";
const LAYERS_PATTERN: &str = "layers_pattern";
const SAVED: &str = "modules_to_save";

/// A claim about module paths.
type Claim = Box<dyn Fn(&str) -> bool>;

/// Which linear layers `names` means.
pub(super) fn named(modules: &Modules, names: &Names, problems: &mut Vec<TargetProblem>) -> Claim {
    match names {
        Names::Listed(names) => {
            if names.is_empty() {
                let problem = TargetProblem::new(TARGETS, "the list is empty");
                problems.push(problem.with_help(list(&modules.linear_names())));
            }
            for (index, name) in names.iter().enumerate() {
                problems.extend(misnamed(modules, index, name));
            }
            let names = names.clone();
            Box::new(move |path| names.iter().any(|name| ends_with(path, name)))
        }
        Names::Pattern(written) => match Pattern::whole(written) {
            Ok(pattern) => {
                problems.extend(mismatched(modules, written, &pattern));
                Box::new(move |path| pattern.matches(path))
            }
            Err(reason) => {
                problems.push(TargetProblem::broken_pattern(TARGETS, written, &reason));
                Box::new(|_| false)
            }
        },
    }
}

/// Whether a listed name means nothing, or something that cannot be adapted.
fn misnamed(modules: &Modules, index: usize, name: &str) -> Option<TargetProblem> {
    if modules.linears.iter().any(|linear| ends_with(&linear.name, name)) {
        return None;
    }
    let other = modules.paths().into_iter().find(|path| ends_with(path, name));
    Some(match other {
        Some(path) => no_linear(modules, path).at(index),
        None => {
            let known = modules.linear_names();
            TargetProblem::unknown(TARGETS, index, name, "linear layer", &known)
        }
    })
}

/// Whether a pattern matches nothing, or something that cannot be adapted.
fn mismatched(modules: &Modules, written: &str, pattern: &Pattern) -> Option<TargetProblem> {
    let is_linear = |path: &str| modules.linears.iter().any(|linear| linear.name == path);
    let matched: Vec<_> =
        modules.paths().into_iter().filter(|path| pattern.matches(path)).collect();
    if let Some(path) = matched.iter().find(|path| !is_linear(path)) {
        return Some(no_linear(modules, path));
    }
    let message = format!("`{written}` matches no linear layer");
    let example = modules.linears.first().map_or("", |linear| linear.name.as_str());
    let help = format!("the pattern is to match whole paths, such as `{example}`");
    matched.is_empty().then(|| TargetProblem::new(TARGETS, message).with_help(help))
}

fn no_linear(modules: &Modules, path: &str) -> TargetProblem {
    let message = format!("`{path}` is no linear layer, and only those can be adapted");
    let problem = TargetProblem::new(TARGETS, message);
    if modules.weighted.iter().any(|module| module.path == path) {
        return problem.with_help("name it in `modules_to_save` to train it whole");
    }
    problem.with_help(list(&modules.linear_names()))
}

/// Modules that are not adapted.
pub(super) struct Excluded(Claim);

impl Excluded {
    pub(super) fn new(
        modules: &Modules,
        names: Option<&Names>,
        problems: &mut Vec<TargetProblem>,
    ) -> Self {
        let paths = || modules.linears.iter().map(|linear| linear.name.as_str());
        match names {
            None => Self(Box::new(|_| false)),
            Some(Names::Listed(names)) => {
                for (index, name) in names.iter().enumerate() {
                    if !paths().any(|path| ends_with(path, name)) {
                        let known = modules.linear_names();
                        let kind = "linear layer";
                        problems.push(TargetProblem::unknown(EXCLUDE, index, name, kind, &known));
                    }
                }
                let names = names.clone();
                Self(Box::new(move |path| names.iter().any(|name| ends_with(path, name))))
            }
            Some(Names::Pattern(written)) => match Pattern::whole(written) {
                Ok(pattern) => {
                    if !paths().any(|path| pattern.matches(path)) {
                        let message = format!("`{written}` matches no linear layer");
                        problems.push(TargetProblem::new(EXCLUDE, message));
                    }
                    Self(Box::new(move |path| pattern.matches(path)))
                }
                Err(reason) => {
                    problems.push(TargetProblem::broken_pattern(EXCLUDE, written, &reason));
                    Self(Box::new(|_| false))
                }
            },
        }
    }

    pub(super) fn has(&self, path: &str) -> bool {
        (self.0)(path)
    }
}

/// The numbered layers whose modules are adapted.
pub(super) struct Layers {
    /// Their numbers; empty means all.
    numbers: Vec<usize>,
    /// What finds the number in a path.
    patterns: Vec<Pattern>,
    /// Full paths in `target_modules`, which PEFT adapts whatever their layer.
    always: Vec<String>,
}

impl Layers {
    pub(super) fn new(
        decoder: &Decoder,
        spec: &TargetSpec,
        problems: &mut Vec<TargetProblem>,
    ) -> Self {
        let named = match &spec.modules {
            Some(super::TargetModules::Named(names)) => Some(names),
            _ => None,
        };
        if let Some(Names::Pattern(_)) = named
            && !(spec.layers.is_empty() && spec.layers_pattern.is_empty())
        {
            let message = "it cannot be combined with a pattern in `target_modules`";
            let help = "say the layers in the pattern, such as `model\\.layers\\.[0-3]\\..*q_proj`";
            problems.push(TargetProblem::new(LAYERS, message).with_help(help));
        }
        if spec.layers.is_empty() && !spec.layers_pattern.is_empty() {
            let message = "it says nothing without `layers_to_transform`";
            problems.push(TargetProblem::new(LAYERS_PATTERN, message));
        }
        for (index, layer) in spec.layers.iter().enumerate() {
            if *layer >= decoder.num_layers {
                let count = decoder.num_layers;
                let message = format!("there is no layer {layer}: the model has {count}, from 0");
                problems.push(TargetProblem::new(LAYERS, message).at(index));
            }
        }
        let any = [r"[^.]*".to_owned()];
        let written = if spec.layers_pattern.is_empty() { &any[..] } else { &spec.layers_pattern };
        let mut patterns = Vec::new();
        for (index, pattern) in written.iter().enumerate() {
            match Pattern::before_layer(pattern) {
                Ok(pattern) => patterns.push(pattern),
                Err(reason) => {
                    let problem = TargetProblem::broken_pattern(LAYERS_PATTERN, pattern, &reason);
                    problems.push(problem.at(index));
                }
            }
        }
        let always = match named {
            Some(Names::Listed(names)) => names.clone(),
            _ => Vec::new(),
        };
        Self { numbers: spec.layers.clone(), patterns, always }
    }

    pub(super) fn has(&self, path: &str) -> bool {
        if self.numbers.is_empty() || self.always.iter().any(|name| name == path) {
            return true;
        }
        let number = self.patterns.iter().find_map(|pattern| pattern.layer(path));
        number.is_some_and(|number| self.numbers.contains(&number))
    }
}

/// Modules with a weight that `names` means, by themselves or as parts of what is named.
///
/// As in PEFT, a name is the end of a path even within a word: `norm` means `input_layernorm` too.
pub(super) fn saved(
    modules: &Modules,
    names: &[String],
    problems: &mut Vec<TargetProblem>,
) -> Vec<SavedModule> {
    let paths = modules.paths();
    let is_meant = |path: &str, name: &str| !name.is_empty() && path.ends_with(name);
    for (index, name) in names.iter().enumerate() {
        if !paths.iter().any(|path| is_meant(path, name)) {
            let known = modules.weighted_names();
            problems.push(TargetProblem::unknown(SAVED, index, name, "module", &known));
        }
    }
    let is_part = |path: &str, whole: &str| {
        let rest = path.strip_prefix(whole);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let named: Vec<_> =
        paths.iter().filter(|path| names.iter().any(|name| is_meant(path, name))).collect();
    let is_saved = |module: &&SavedModule| named.iter().any(|whole| is_part(&module.path, whole));
    modules.weighted.iter().filter(is_saved).cloned().collect()
}
