//! Sliding windows: how large, and in which layers.

use serde_json::Value;

use crate::decoder::{Decoder, WindowedLayers};
use crate::error::CheckpointError;
use crate::fields::Fields;

/// `sliding_window`: null is none, an absent one the default.
pub(super) fn size(
    config: &Fields<'_>,
    default: Option<usize>,
) -> Result<Option<usize>, CheckpointError> {
    let size = config.optional_count("sliding_window")?;
    Ok(if config.is_given("sliding_window") { size } else { default })
}

/// Windows of Qwen 2 and 3.
pub(super) fn of_qwen(config: &Fields<'_>, decoder: &mut Decoder) -> Result<(), CheckpointError> {
    let uses_window = config.flag("use_sliding_window")?.unwrap_or(false);
    let size = if uses_window { size(config, Some(4096))? } else { None };
    let layers = match listed(config, decoder.num_layers)? {
        Some(layers) => layers,
        None => {
            let first = config.natural("max_window_layers")?.unwrap_or(28);
            (0..decoder.num_layers).map(|layer| size.is_some() && layer >= first).collect()
        }
    };
    set(config, decoder, size, layers)
}

/// Layers that `layer_types` gives a window.
pub(super) fn listed(
    config: &Fields<'_>,
    num_layers: usize,
) -> Result<Option<Vec<bool>>, CheckpointError> {
    let Some(types) = config.value("layer_types") else { return Ok(None) };
    let kind = |value: &Value| match value.as_str() {
        Some("sliding_attention") => Ok(true),
        Some("full_attention") => Ok(false),
        _ => Err(config.error(format!(
            "`layer_types` has {value}; known are `full_attention`, `sliding_attention`"
        ))),
    };
    let types = types.as_array().map_or(&[][..], Vec::as_slice);
    if types.len() != num_layers {
        let problem = format!(
            "`layer_types` lists {} layers, but `num_hidden_layers` is {num_layers}",
            types.len()
        );
        return Err(config.error(problem));
    }
    types.iter().map(kind).collect::<Result<_, _>>().map(Some)
}

/// Gives `layers` a window of `size`.
pub(super) fn set(
    config: &Fields<'_>,
    decoder: &mut Decoder,
    size: Option<usize>,
    layers: Vec<bool>,
) -> Result<(), CheckpointError> {
    let has_windows = layers.contains(&true);
    if has_windows && size.is_none() {
        let problem = "layers have sliding windows, but there is no `sliding_window`";
        return Err(config.error(problem));
    }
    decoder.sliding_window = size.filter(|_| has_windows);
    let is_everywhere = !layers.contains(&false);
    decoder.windowed_layers = match decoder.sliding_window {
        Some(_) if !is_everywhere => WindowedLayers::Some(layers),
        _ => WindowedLayers::All,
    };
    Ok(())
}
