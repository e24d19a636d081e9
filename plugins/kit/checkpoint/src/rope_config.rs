//! The rotary part of `config.json`: `rope_parameters` of transformers 5, `rope_theta` and
//! `rope_scaling` of earlier ones.

use crate::error::CheckpointError;
use crate::fields::Fields;
use crate::rope::{Llama3Rope, LongRope, Rope, RopeScaling};

/// Base of the frequencies when a config gives none.
const DEFAULT_THETA: f64 = 10_000.0;

/// The rotary embedding `config` describes.
pub(crate) fn rope(
    config: &Fields<'_>,
    head_dim: usize,
    max_positions: usize,
) -> Result<Rope, CheckpointError> {
    let parameters = match config.object("rope_scaling")? {
        Some(scaling) => Some(scaling),
        None => config.object("rope_parameters")?,
    };
    let number = |key| match parameters.map(|parameters| parameters.number(key)).transpose()? {
        Some(Some(value)) => Ok::<_, CheckpointError>(Some(value)),
        _ => config.number(key),
    };
    let rotary_dim = rotary_dim(config, head_dim, number("partial_rotary_factor")?)?;
    let scaling = match parameters {
        Some(parameters) => scaling(config, &parameters, rotary_dim, max_positions)?,
        None => RopeScaling::None,
    };
    Ok(Rope { theta: number("rope_theta")?.unwrap_or(DEFAULT_THETA), rotary_dim, scaling })
}

fn rotary_dim(
    config: &Fields<'_>,
    head_dim: usize,
    share: Option<f64>,
) -> Result<usize, CheckpointError> {
    let share = share.unwrap_or(1.0);
    if !(share > 0.0 && share <= 1.0) {
        return Err(config.error(format!("`partial_rotary_factor` is {share}, not in (0, 1]")));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded down as transformers does; at most head_dim"
    )]
    let rotary_dim = (head_dim as f64 * share) as usize;
    if rotary_dim == 0 || !rotary_dim.is_multiple_of(2) {
        let problem = format!("{rotary_dim} rotated entries of a head; an even number is needed");
        return Err(config.error(problem));
    }
    Ok(rotary_dim)
}

fn scaling(
    config: &Fields<'_>,
    parameters: &Fields<'_>,
    rotary_dim: usize,
    max_positions: usize,
) -> Result<RopeScaling, CheckpointError> {
    let kind = match parameters.text("rope_type")? {
        Some(kind) => Some(kind),
        None => parameters.text("type")?,
    };
    let original = || -> Result<usize, CheckpointError> {
        let key = "original_max_position_embeddings";
        let outside = config.optional_count(key)?;
        Ok(outside.or(parameters.optional_count(key)?).unwrap_or(max_positions))
    };
    match kind.unwrap_or("default") {
        "default" => Ok(RopeScaling::None),
        "longrope" | "su" => {
            let rope = long_rope(parameters, rotary_dim, max_positions, original()?)?;
            Ok(RopeScaling::LongRope(rope))
        }
        "llama3" => Ok(RopeScaling::Llama3(llama3(parameters, original()?)?)),
        other => {
            let known = "default, longrope, llama3";
            Err(parameters.error(format!("unknown rope type `{other}`; known are {known}")))
        }
    }
}

fn long_rope(
    parameters: &Fields<'_>,
    rotary_dim: usize,
    max_positions: usize,
    original_max_positions: usize,
) -> Result<LongRope, CheckpointError> {
    let factors = |key| {
        let factors = required(parameters, key, parameters.numbers(key)?)?;
        if factors.len() != rotary_dim / 2 {
            let (found, needed) = (factors.len(), rotary_dim / 2);
            let problem = format!("`{key}` has {found} factors, but {needed} are needed");
            return Err(parameters.error(problem));
        }
        Ok(factors)
    };
    let stretch = parameters.number("factor")?;
    let stretch = stretch.unwrap_or(max_positions as f64 / original_max_positions as f64);
    let attention_factor = parameters.number("attention_factor")?;
    Ok(LongRope {
        short_factor: factors("short_factor")?,
        long_factor: factors("long_factor")?,
        original_max_positions,
        attention_factor: attention_factor
            .unwrap_or_else(|| LongRope::attention_factor(stretch, original_max_positions)),
    })
}

fn llama3(
    parameters: &Fields<'_>,
    original_max_positions: usize,
) -> Result<Llama3Rope, CheckpointError> {
    let number = |key| required(parameters, key, parameters.number(key)?);
    Ok(Llama3Rope {
        factor: number("factor")?,
        low_freq_factor: number("low_freq_factor")?,
        high_freq_factor: number("high_freq_factor")?,
        original_max_positions,
    })
}

fn required<T>(fields: &Fields<'_>, key: &str, value: Option<T>) -> Result<T, CheckpointError> {
    value.ok_or_else(|| fields.error(format!("`{key}` of the rope scaling is missing")))
}
