//! How many linear layers get high bits: a share of weights, or what codes may take.

use olive_kit_checkpoint::{Decoder, Linear};
use olive_plugin_api::Diagnostic;

use super::scores::{Grids, Unit, bytes, linears};
use crate::config::{Algorithm, SelectiveMixedPrecisionConfig};

/// Bytes in a mebibyte.
const MIB: f64 = 1_048_576.0;

/// What ends a choice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Budget {
    /// Share of weights that keep low bits at most, as in Olive.
    Ratio(f64),
    /// Bytes of all codes at most.
    Bytes(u64),
}

/// What was chosen.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Choice {
    /// Paths of linear layers with high bits, those that gain most first.
    pub(super) paths: Vec<String>,
    /// Bytes of the codes of all layers.
    bytes: u64,
    num_weights: usize,
    /// What comes next: its paths in a sentence, and bytes that it would take more.
    next: Option<(String, u64)>,
}

impl Budget {
    /// What settings, which are checked, say.
    pub(super) fn of(config: &SelectiveMixedPrecisionConfig, decoder: &Decoder) -> Self {
        match limit(config, decoder) {
            Some((_, bytes)) => Self::Bytes(bytes),
            None => Self::Ratio(config.ratio.unwrap_or(1.0)),
        }
    }
}

/// Findings about the settings of a budget, of which a choice by cost needs one.
pub(super) fn of_settings(config: &SelectiveMixedPrecisionConfig) -> Option<Diagnostic> {
    if config.algorithm.is_by_place() {
        return None;
    }
    let known = [
        ("ratio", config.ratio.is_some()),
        ("max_size", config.max_size.is_some()),
        ("bits_per_weight", config.bits_per_weight.is_some()),
    ];
    let mut set = known.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name);
    let Some(first) = set.next() else {
        let message = "a choice by cost needs `ratio`, the share of weights that keep `bits`, or a \
                       budget, `max_size` or `bits_per_weight`";
        let problem = Diagnostic::error("missing-setting", "/ratio", message);
        return Some(
            problem.with_help("set `ratio`, such as 0.8, or `bits_per_weight`, such as 5"),
        );
    };
    if let Some(second) = set.next() {
        let message = format!("`{first}` and `{second}` each say how many layers are chosen");
        let problem = Diagnostic::error("conflict", format!("/{second}"), message);
        return Some(problem.with_help("remove one of the two"));
    }
    if let Some(ratio) = config.ratio.filter(|ratio| !(*ratio > 0.0 && *ratio < 1.0)) {
        let message = format!("`ratio` is {ratio}, not between 0 and 1");
        let problem = Diagnostic::error("out-of-range", "/ratio", message);
        return Some(problem.with_help("set `ratio`, such as 0.8"));
    }
    let problem = config.max_size.as_ref()?.bytes().err()?;
    let message = format!("`max_size` is no size: {problem}");
    Some(Diagnostic::error("out-of-range", "/max_size", message).with_help("write `86 MiB`"))
}

/// A finding about a budget that the model cannot keep.
pub(super) fn of_model(
    config: &SelectiveMixedPrecisionConfig,
    decoder: &Decoder,
) -> Option<Diagnostic> {
    let (name, limit) = limit(config, decoder)?;
    let (linears, grids) = (linears(decoder), Grids::of(config));
    let [least, most] = [grids.low, grids.high]
        .map(|grid| linears.iter().map(|linear| bytes(linear, grid)).sum::<u64>());
    if most <= least {
        let (low, high) = (config.bits.count(), config.high_bits.count());
        let message = format!("weights take no more in {high} bits than in {low}");
        let problem = Diagnostic::error("conflict", "/high_bits", message);
        return Some(problem.with_help("set `high_bits` to more, or `bits` to fewer"));
    }
    if limit >= least {
        return None;
    }
    let (low, pointer) = (config.bits.count(), format!("/{name}"));
    let each = bits_per_weight(least, num_weights(&linears));
    let message = format!(
        "all linear layers take {least} bytes in {low} bits with scales and zero points, {each:.3} \
         bits a weight, and `{name}` leaves {limit} bytes"
    );
    let least = match &config.max_size {
        Some(_) => least.to_string(),
        None => format!("{:.3}", (each * 1000.0).ceil() / 1000.0),
    };
    let problem = Diagnostic::error("out-of-range", pointer, message);
    Some(problem.with_help(format!("set `{name}` to {least} or more, or larger groups")))
}

/// Linear layers of `units` that get high bits: by what each gains, and of those that gain as much
/// the first. A budget of bytes is filled: what does not fit is passed over.
pub(super) fn choose(units: Vec<Unit>, algorithm: Algorithm, budget: Budget) -> Choice {
    let num_weights: usize = units.iter().map(|unit| unit.num_weights).sum();
    let mut bytes: u64 = units.iter().map(|unit| unit.bytes[0]).sum();
    let score = |unit: &Unit| match budget {
        Budget::Ratio(_) => unit.score(algorithm),
        Budget::Bytes(_) => unit.score_of_byte(algorithm),
    };
    let mut ranked: Vec<_> = units.into_iter().map(|unit| (score(&unit), unit)).collect();
    ranked.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut paths, mut num_chosen, mut next) = (Vec::new(), 0, None);
    for (_, unit) in ranked {
        let extra = unit.extra_bytes();
        let fits = match budget {
            Budget::Ratio(ratio) => (num_chosen as f64) < num_weights as f64 * (1.0 - ratio),
            Budget::Bytes(limit) => bytes.saturating_add(extra) <= limit,
        };
        if fits {
            num_chosen += unit.num_weights;
            bytes += extra;
            paths.extend(unit.paths);
        } else if next.is_none() {
            next = Some((unit.named(), extra));
        }
    }
    Choice { paths, bytes, num_weights, next }
}

impl Choice {
    /// The size that is reached, and what more would cost.
    pub(super) fn told(&self, budget: Budget) -> String {
        let of = match budget {
            Budget::Bytes(limit) => format!(" of {}", told(limit)),
            Budget::Ratio(_) => String::new(),
        };
        let each = bits_per_weight(self.bytes, self.num_weights);
        let reached = format!("codes take {}{of}, {each:.3} bits a weight", told(self.bytes));
        match &self.next {
            Some((paths, extra)) => {
                format!("{reached}; next would be {paths}, for {} more", told(*extra))
            }
            None => format!("{reached}; no layer is left to choose"),
        }
    }
}

/// The setting that limits bytes, and how many it leaves.
fn limit(config: &SelectiveMixedPrecisionConfig, decoder: &Decoder) -> Option<(&'static str, u64)> {
    if config.algorithm.is_by_place() {
        return None;
    }
    if let Some(size) = &config.max_size {
        return Some(("max_size", size.bytes().ok()?));
    }
    let bits = config.bits_per_weight? * num_weights(&linears(decoder)) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what is negative is 0, and no model has 2^64 bits"
    )]
    let bytes = (bits / 8.0) as u64;
    Some(("bits_per_weight", bytes))
}

fn num_weights(linears: &[Linear]) -> usize {
    linears.iter().map(|linear| linear.out_features * linear.in_features).sum()
}

fn bits_per_weight(bytes: u64, num_weights: usize) -> f64 {
    8.0 * bytes as f64 / num_weights.max(1) as f64
}

fn told(bytes: u64) -> String {
    let mib = bytes as f64 / MIB;
    if mib < 1.0 { format!("{bytes} bytes") } else { format!("{mib:.2} MiB") }
}

#[cfg(test)]
mod tests {
    use olive_kit_checkpoint::LinearRole;
    use olive_kit_solve::Grid;

    use super::*;

    const LOW: Grid = Grid { bits: 4, group_size: Some(16), is_symmetric: true };

    /// A unit of `[n, 16]` with a gain.
    fn unit(name: &str, n: usize, gain: f64) -> Unit {
        let linear = Linear {
            role: LinearRole::Down,
            name: name.to_owned(),
            in_features: 16,
            out_features: n,
            has_bias: false,
        };
        let grids = Grids { low: LOW, high: Grid { bits: 8, ..LOW } };
        Unit::diverging(&linear, grids, gain)
    }

    /// Each takes `10 n` bytes, and `8 n` more in high bits.
    fn chosen(units: &[(&str, usize, f64)], limit: u64) -> Choice {
        let units = units.iter().map(|(name, n, gain)| unit(name, *n, *gain)).collect();
        choose(units, Algorithm::KldGradient, Budget::Bytes(limit))
    }

    #[test]
    fn codes_scales_and_zero_points_count() {
        let Unit { bytes, .. } = unit("a", 3, 0.0);
        assert_eq!(bytes, [30, 54]);
        let linear = Linear {
            role: LinearRole::Down,
            name: "odd".to_owned(),
            in_features: 48,
            out_features: 3,
            has_bias: true,
        };
        let grid = Grid { bits: 3, group_size: Some(16), is_symmetric: false };
        assert_eq!(super::bytes(&linear, grid), 54 + 18 + 4);
        let rows = Grid { group_size: None, ..grid };
        assert_eq!(super::bytes(&linear, rows), 54 + 6 + 2);
    }

    #[test]
    fn most_gain_a_byte_goes_first_and_the_room_that_is_left_is_filled() {
        let units = [("small", 1, 1.0), ("large", 10, 20.0), ("medium", 4, 6.0), ("none", 1, -1.0)];
        let names = |limit| chosen(&units, limit).paths.join(" ");
        for (limit, expected) in [
            (160, ""),
            (167, ""),
            (168, "small"),
            (176, "small none"),
            (200, "medium small"),
            (240, "large"),
            (248, "large small"),
            (272, "large medium"),
            (287, "large medium small"),
            (288, "large medium small none"),
        ] {
            assert_eq!(names(limit), expected, "{limit}");
        }
    }

    #[test]
    fn no_budget_is_exceeded_and_nothing_more_would_fit() {
        let units: Vec<(String, usize, f64)> =
            (1..20).map(|n| (n.to_string(), 1 + n * 7 % 13, (n * 5 % 11) as f64)).collect();
        let units: Vec<_> =
            units.iter().map(|(name, n, gain)| (name.as_str(), *n, *gain)).collect();
        let total: usize = units.iter().map(|(_, n, _)| n).sum();
        for limit in (10 * total as u64..=18 * total as u64).step_by(7) {
            let choice = chosen(&units, limit);
            assert!(choice.bytes <= limit, "{limit}: {choice:?}");
            let left = units.iter().filter(|(name, ..)| !choice.paths.iter().any(|it| it == name));
            let least = left.map(|(_, n, _)| 8 * *n as u64).min();
            assert!(least.is_none_or(|least| choice.bytes + least > limit), "{limit}: {choice:?}");
        }
    }

    #[test]
    fn of_equal_gains_the_first_is_chosen() {
        let units = [("first", 2, 1.0), ("second", 2, 1.0), ("third", 2, 1.0)];
        assert_eq!(chosen(&units, 60 + 16).paths, ["first"]);
        assert_eq!(chosen(&units, 60 + 32).paths, ["first", "second"]);
    }

    #[test]
    fn what_is_reached_and_what_comes_next_is_told() {
        let units = [("first", 2, 2.0), ("second", 2, 1.0)];
        let told = |limit| chosen(&units, limit).told(Budget::Bytes(limit));
        assert_eq!(
            told(60),
            "codes take 56 bytes of 60 bytes, 7.000 bits a weight; next would be `second`, for 16 \
             bytes more"
        );
        assert!(told(72).ends_with("no layer is left to choose"), "{}", told(72));
    }
}
