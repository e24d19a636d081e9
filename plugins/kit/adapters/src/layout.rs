//! The tensors that adapt one layer: PEFT's names and shapes.

use olive_kit_checkpoint::Linear;

use crate::adapters::{Drop, Factor, Method};
use crate::config::{LokrConfig, MethodConfig};
use crate::parameter::ParameterId;

pub(crate) const LORA_A: &str = "lora_A.weight";
pub(crate) const LORA_B: &str = "lora_B.weight";
pub(crate) const MAGNITUDE: &str = "lora_magnitude_vector";
pub(crate) const HADA_W1_A: &str = "hada_w1_a";
pub(crate) const HADA_W1_B: &str = "hada_w1_b";
pub(crate) const HADA_W2_A: &str = "hada_w2_a";
pub(crate) const HADA_W2_B: &str = "hada_w2_b";
pub(crate) const LOKR_W1: &str = "lokr_w1";
pub(crate) const LOKR_W1_A: &str = "lokr_w1_a";
pub(crate) const LOKR_W1_B: &str = "lokr_w1_b";
pub(crate) const LOKR_W2: &str = "lokr_w2";
pub(crate) const LOKR_W2_A: &str = "lokr_w2_a";
pub(crate) const LOKR_W2_B: &str = "lokr_w2_b";

/// All names, which follow the module path and a dot.
pub(crate) const NAMES: [&str; 13] = [
    LORA_A, LORA_B, MAGNITUDE, HADA_W1_A, HADA_W1_B, HADA_W2_A, HADA_W2_B, LOKR_W1, LOKR_W1_A,
    LOKR_W1_B, LOKR_W2, LOKR_W2_A, LOKR_W2_B,
];

/// What adapts `linear` with adapters of this `rank`; `tensor` makes each tensor from its name and
/// shape, in an order in which those that others start from come first.
///
/// # Errors
/// Those of `tensor`.
pub(crate) fn method<E>(
    config: &MethodConfig,
    linear: &Linear,
    rank: usize,
    mut tensor: impl FnMut(&'static str, &[usize]) -> Result<ParameterId, E>,
) -> Result<Method, E> {
    let (rows, columns) = (linear.out_features, linear.in_features);
    Ok(match config {
        MethodConfig::Lora(lora) => Method::Lora {
            a: tensor(LORA_A, &[rank, columns])?,
            b: tensor(LORA_B, &[rows, rank])?,
            magnitude: lora.use_dora.then(|| tensor(MAGNITUDE, &[rows])).transpose()?,
        },
        MethodConfig::Loha(_) => Method::Loha {
            w1_a: tensor(HADA_W1_A, &[rows, rank])?,
            w1_b: tensor(HADA_W1_B, &[rank, columns])?,
            w2_a: tensor(HADA_W2_A, &[rows, rank])?,
            w2_b: tensor(HADA_W2_B, &[rank, columns])?,
        },
        MethodConfig::Lokr(lokr) => {
            let shape = LokrShape::new(lokr, linear, rank);
            let [rows, columns] = shape.w1;
            let w1 = if shape.w1_is_whole {
                Factor::Whole(tensor(LOKR_W1, &[rows, columns])?)
            } else {
                let a = tensor(LOKR_W1_A, &[rows, rank])?;
                Factor::Product(a, tensor(LOKR_W1_B, &[rank, columns])?)
            };
            let [rows, columns] = shape.w2;
            let w2 = if shape.w2_is_whole {
                Factor::Whole(tensor(LOKR_W2, &[rows, columns])?)
            } else {
                let a = tensor(LOKR_W2_A, &[rows, rank])?;
                Factor::Product(a, tensor(LOKR_W2_B, &[rank, columns])?)
            };
            Method::Lokr { w1, w2 }
        }
    })
}

/// What is dropped while training.
pub(crate) fn drop(config: &MethodConfig) -> Drop {
    match config {
        MethodConfig::Lora(lora) => Drop { input: lora.dropout, ..Drop::default() },
        MethodConfig::Loha(loha) => Drop {
            rank: loha.rank_dropout,
            scales_rank: true,
            module: loha.module_dropout,
            ..Drop::default()
        },
        MethodConfig::Lokr(lokr) => Drop {
            rank: lokr.rank_dropout,
            scales_rank: lokr.rank_dropout_scale,
            module: lokr.module_dropout,
            ..Drop::default()
        },
    }
}

/// Shapes of the two matrices whose Kronecker product is added.
#[derive(Debug, PartialEq, Eq)]
struct LokrShape {
    w1: [usize; 2],
    w1_is_whole: bool,
    w2: [usize; 2],
    w2_is_whole: bool,
}

impl LokrShape {
    /// A matrix is a product where the rank is less than half of its longer side, the first one
    /// only on demand.
    fn new(config: &LokrConfig, linear: &Linear, rank: usize) -> Self {
        let (rows_1, rows_2) = factorization(linear.out_features, config.decompose_factor);
        let (columns_1, columns_2) = factorization(linear.in_features, config.decompose_factor);
        let is_small = |rows: usize, columns: usize| 2 * rank < rows.max(columns);
        Self {
            w1: [rows_1, columns_1],
            w1_is_whole: !(config.decompose_both && is_small(rows_1, columns_1)),
            w2: [rows_2, columns_2],
            w2_is_whole: !is_small(rows_2, columns_2),
        }
    }
}

/// Two numbers whose product is `dimension`: `factor` and the rest where it divides, else the
/// divisors nearest to the square root of which the smaller is at most `factor`.
///
/// As PEFT's `factorization`.
fn factorization(dimension: usize, factor: Option<usize>) -> (usize, usize) {
    if let Some(factor) = factor
        && dimension.is_multiple_of(factor)
    {
        return (factor, dimension / factor);
    }
    let limit = factor.unwrap_or(dimension);
    let (mut smaller, mut larger) = (1, dimension);
    while smaller < larger {
        let next = (smaller + 1..=dimension).find(|divisor| dimension.is_multiple_of(*divisor));
        let Some(next) = next.filter(|next| *next <= limit) else { break };
        if next + dimension / next > dimension + 1 {
            break;
        }
        (smaller, larger) = (next, dimension / next);
    }
    (smaller.min(larger), smaller.max(larger))
}

#[cfg(test)]
mod tests {
    use olive_kit_checkpoint::LinearRole;

    use super::*;

    #[test]
    fn factors_are_those_of_peft() {
        let rows = [
            (256, None, (16, 16)),
            (128, None, (8, 16)),
            (127, None, (1, 127)),
            (128, Some(4), (4, 32)),
            (128, Some(100), (8, 16)),
            (128, Some(64), (64, 2)),
            (12, Some(5), (3, 4)),
            (9216, None, (96, 96)),
            (1, None, (1, 1)),
            (2, None, (1, 2)),
        ];
        for (dimension, factor, expected) in rows {
            assert_eq!(factorization(dimension, factor), expected, "{dimension} {factor:?}");
        }
    }

    #[test]
    fn small_ranks_make_products() {
        let linear = Linear {
            role: LinearRole::Output,
            name: "o".into(),
            in_features: 128,
            out_features: 64,
            has_bias: false,
        };
        let shape = |decompose_both, rank| {
            let config = LokrConfig { decompose_both, ..LokrConfig::default() };
            let shape = LokrShape::new(&config, &linear, rank);
            assert_eq!((shape.w1, shape.w2), ([8, 8], [8, 16]));
            (shape.w1_is_whole, shape.w2_is_whole)
        };
        assert_eq!(shape(false, 3), (true, false));
        assert_eq!(shape(true, 3), (false, false));
        assert_eq!(shape(true, 4), (true, false));
        assert_eq!(shape(true, 8), (true, true));
    }
}
