//! Rank and scale of each layer.

use super::{AdapterConfig, AdapterError, LoraConfig, LoraStart, MethodConfig};
use crate::pattern::Pattern;
use crate::targets::{TargetProblem, Targets};

/// Rank and scale by layer, with patterns ready to match.
#[derive(Debug)]
pub(crate) struct LayerSettings {
    rank: usize,
    alpha: f64,
    ranks: Vec<(Pattern, usize)>,
    alphas: Vec<(Pattern, f64)>,
    use_rslora: bool,
}

impl LayerSettings {
    /// The settings in `config`.
    ///
    /// # Errors
    /// When a pattern is none, or a number is out of range.
    pub(crate) fn new(config: &AdapterConfig) -> Result<Self, AdapterError> {
        let patterns = config.rank_pattern.iter();
        let ranks = patterns.map(|(written, rank)| Ok((pattern("rank_pattern", written)?, *rank)));
        let ranks: Vec<_> = ranks.collect::<Result<_, AdapterError>>()?;
        let patterns = config.alpha_pattern.iter();
        let alphas =
            patterns.map(|(written, alpha)| Ok((pattern("alpha_pattern", written)?, *alpha)));
        let alphas = alphas.collect::<Result<_, AdapterError>>()?;
        if config.rank == 0 || ranks.iter().any(|(_, rank)| *rank == 0) {
            return Err(AdapterError::setting("a rank of 0, but it is at least 1"));
        }
        let use_rslora = matches!(config.method, MethodConfig::Lora(lora) if lora.use_rslora);
        Ok(Self { rank: config.rank, alpha: config.alpha, ranks, alphas, use_rslora })
    }

    /// Rank of the layer at this module path.
    pub(crate) fn rank(&self, path: &str) -> usize {
        first_match(&self.ranks, path).unwrap_or(self.rank)
    }

    /// Factor on what is added to the layer at this module path.
    pub(crate) fn scale(&self, path: &str) -> f64 {
        let alpha = first_match(&self.alphas, path).unwrap_or(self.alpha);
        let rank = self.rank(path) as f64;
        if self.use_rslora { alpha / rank.sqrt() } else { alpha / rank }
    }
}

fn pattern(setting: &str, written: &str) -> Result<Pattern, AdapterError> {
    Pattern::end(written).map_err(|reason| {
        AdapterError::setting(format!(
            "`{setting}`: `{written}` is no regular expression: {reason}"
        ))
    })
}

fn first_match<T: Copy>(patterns: &[(Pattern, T)], path: &str) -> Option<T> {
    patterns.iter().find(|(pattern, _)| pattern.matches(path)).map(|(_, value)| *value)
}

/// What is wrong with the settings of layers, for a model in which `targets` are trained.
pub(super) fn problems(config: &AdapterConfig, targets: &Targets) -> Vec<TargetProblem> {
    let mut problems = Vec::new();
    let patterns = [
        ("rank_pattern", config.rank_pattern.keys().collect::<Vec<_>>()),
        ("alpha_pattern", config.alpha_pattern.keys().collect()),
    ];
    for (setting, patterns) in patterns {
        for written in patterns {
            match Pattern::end(written) {
                Err(reason) => {
                    problems.push(TargetProblem::broken_pattern(setting, written, &reason));
                }
                Ok(pattern) if !targets.linears.iter().any(|l| pattern.matches(&l.name)) => {
                    let message = format!("`{written}` matches no adapted layer");
                    problems.push(TargetProblem::new(setting, message));
                }
                Ok(_) => {}
            }
        }
    }
    let ranks = [("r", &config.rank)].into_iter();
    let ranks = ranks.chain(config.rank_pattern.values().map(|rank| ("rank_pattern", rank)));
    let is_orthogonal = matches!(
        config.method,
        MethodConfig::Lora(LoraConfig { start: LoraStart::Orthogonal, .. })
    );
    for (setting, rank) in ranks {
        if *rank == 0 {
            problems.push(TargetProblem::new(setting, "a rank is at least 1"));
        } else if is_orthogonal && rank % 2 == 1 {
            let message = format!("an orthogonal start needs an even rank, and {rank} is odd");
            problems.push(TargetProblem::new(setting, message));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_the_end_of_a_module_path() {
        let mut config = AdapterConfig::lora(4, 8.0, 0.0, &["o_proj", "q_proj"]);
        config.rank_pattern.insert("(q|k)_proj".into(), 16);
        config.alpha_pattern.insert(r"1\.self_attn.q_proj".into(), 4.0);
        config.alpha_pattern.insert("^model.layers.3.*".into(), 2.0);
        let settings = LayerSettings::new(&config).unwrap();
        assert_eq!(settings.rank("model.layers.0.self_attn.q_proj"), 16);
        assert_eq!(settings.rank("model.layers.0.self_attn.eq_proj"), 4);
        for (layer, scale) in [(0, 0.5), (1, 0.25), (3, 0.125)] {
            let found = settings.scale(&format!("model.layers.{layer}.self_attn.q_proj"));
            assert!((found - scale).abs() < 1e-12, "{layer}");
        }
        config.method =
            MethodConfig::Lora(LoraConfig { use_rslora: true, ..LoraConfig::default() });
        let settings = LayerSettings::new(&config).unwrap();
        assert!((settings.scale("model.layers.0.self_attn.o_proj") - 4.0).abs() < 1e-12);
    }

    #[test]
    fn a_broken_pattern_is_named() {
        let mut config = AdapterConfig::lora(4, 8.0, 0.0, &["o_proj"]);
        config.rank_pattern.insert("(q".into(), 16);
        let message = LayerSettings::new(&config).unwrap_err().to_string();
        assert!(message.starts_with("`rank_pattern`: `(q` is no regular expression"), "{message}");
    }
}
