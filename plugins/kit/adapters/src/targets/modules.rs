//! The modules of a decoder that have weights, and those that hold them.

use std::collections::BTreeSet;

use olive_kit_checkpoint::{Decoder, Linear};

use super::SavedModule;

/// All modules of a decoder.
#[derive(Debug)]
pub(crate) struct Modules {
    /// Linear layers, that of the logits last, in order of computation.
    pub(crate) linears: Vec<Linear>,
    /// Every module with a weight, in order of computation.
    pub(crate) weighted: Vec<SavedModule>,
}

impl Modules {
    /// The modules of `decoder`.
    pub(crate) fn of(decoder: &Decoder) -> Self {
        let linears = linears(decoder);
        let tensors = decoder.tensors();
        let has_bias = |path: &str| tensors.iter().any(|(name, _)| *name == format!("{path}.bias"));
        let weights = tensors.iter().filter_map(|(name, shape)| {
            let path = name.strip_suffix(".weight")?.to_owned();
            Some(SavedModule { has_bias: has_bias(&path), path, shape: shape.clone() })
        });
        let mut weighted: Vec<_> = weights.collect();
        if decoder.ties_embeddings {
            let shape = vec![decoder.vocab_size, decoder.hidden_size];
            weighted.push(SavedModule {
                path: Decoder::LM_HEAD_MODULE.to_owned(),
                shape,
                has_bias: false,
            });
        }
        Self { linears, weighted }
    }

    /// Paths of all modules, with a weight or of such, sorted.
    pub(crate) fn paths(&self) -> BTreeSet<&str> {
        let ends = |path: &'_ str| {
            let dots: Vec<_> = path.match_indices('.').map(|(at, _)| at).collect();
            dots.into_iter().chain([path.len()])
        };
        let modules = self.weighted.iter();
        modules.flat_map(|m| ends(&m.path).map(|end| &m.path[..end]).collect::<Vec<_>>()).collect()
    }

    /// Last names of linear layers in layers, sorted.
    pub(crate) fn linear_names(&self) -> BTreeSet<&str> {
        self.linears.iter().map(|linear| last_name(&linear.name)).collect()
    }

    /// Last names of all modules with a weight, sorted.
    pub(crate) fn weighted_names(&self) -> BTreeSet<&str> {
        self.weighted.iter().map(|module| last_name(&module.path)).collect()
    }
}

/// Whether `path` is `name` or ends with it after a dot.
pub(crate) fn ends_with(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The part of `path` after the last dot.
pub(crate) fn last_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Every linear layer of `decoder`, that of the logits under its own name.
pub(crate) fn linears(decoder: &Decoder) -> Vec<Linear> {
    let head = Linear { name: Decoder::LM_HEAD_MODULE.to_owned(), ..decoder.lm_head() };
    decoder.linears_of_layers().chain([head]).collect()
}
