//! What makes the inputs of a site, and takes the scales of AWQ and `SmoothQuant`.

use olive_kit_calibrate::{LayerWeights, Site};
use olive_kit_checkpoint::{Decoder, Linear, LinearRole};

use super::Work;
use crate::error::QuantizeError;

/// What makes the inputs of a site.
pub(super) enum Source {
    /// A norm.
    Norm,
    /// Some rows of a linear layer, one an input.
    Rows {
        /// The layer.
        linear: Linear,
        /// The first of them.
        first: usize,
    },
}

impl Source {
    /// Who makes the inputs of `site`; `None` where several of them come of one row.
    pub(super) fn of(site: Site, layer: &LayerWeights<'_>, decoder: &Decoder) -> Option<Self> {
        let rows = |site, alone, fused, first| {
            let found = |role| layer.linears(site).iter().find(|linear| linear.role == role);
            let (linear, first) = match (found(alone), found(fused)) {
                (Some(linear), _) => (linear, 0),
                (None, Some(linear)) => (linear, first),
                (None, None) => return None,
            };
            Some(Self::Rows { linear: linear.clone(), first })
        };
        match site {
            Site::Qkv | Site::GateUp | Site::LmHead => Some(Self::Norm),
            // Heads that share a value would have to share its scale.
            Site::Output if decoder.num_heads != decoder.num_kv_heads => None,
            Site::Output => {
                let first = decoder.query_width() + decoder.kv_width();
                rows(Site::Qkv, LinearRole::Value, LinearRole::Qkv, first)
            }
            Site::Down => {
                rows(Site::GateUp, LinearRole::Up, LinearRole::GateUp, decoder.intermediate_size)
            }
        }
    }

    /// Divides what makes the inputs of `site` by `scales`, and gives those that were taken: so near
    /// them that the weights of a norm have their stored type.
    pub(super) fn divide(
        &self,
        work: &mut Work<'_>,
        site: Site,
        layer: &mut LayerWeights<'_>,
        scales: &[f32],
    ) -> Result<Vec<f32>, QuantizeError> {
        match self {
            Self::Norm => divide_norm(work, site, layer, scales),
            Self::Rows { linear, first } => {
                divide_rows(work, linear, *first, layer, scales)?;
                Ok(scales.to_vec())
            }
        }
    }
}

fn divide_norm(
    work: &mut Work<'_>,
    site: Site,
    layer: &mut LayerWeights<'_>,
    scales: &[f32],
) -> Result<Vec<f32>, QuantizeError> {
    let (Some(norm), Some(name)) = (layer.norm(site), layer.norm_name(site)) else {
        return Ok(vec![1.0; scales.len()]);
    };
    let (name, offset, before) = (name.to_owned(), norm.offset(), norm.weight().to_vec());
    let (mut bytes, dtype) = (Vec::new(), work.output.dtype(&name)?);
    let wanted: Vec<f32> =
        before.iter().zip(scales).map(|(weight, scale)| weight / scale - offset).collect();
    dtype.encode(&wanted, &mut bytes);
    let mut stored = dtype.decode(&bytes).into_owned();
    let mut taken = vec![1.0; scales.len()];
    for ((stored, &weight), taken) in stored.iter_mut().zip(&before).zip(&mut taken) {
        let scale = weight / (*stored + offset);
        if scale.is_finite() && scale > 0.0 {
            *taken = scale;
        } else {
            *stored = weight - offset;
        }
    }
    let after: Vec<f32> = stored.iter().map(|stored| stored + offset).collect();
    layer.replace_norm(site, &after)?;
    work.made.keep_floats(name, stored);
    Ok(taken)
}

fn divide_rows(
    work: &mut Work<'_>,
    linear: &Linear,
    first: usize,
    layer: &mut LayerWeights<'_>,
    scales: &[f32],
) -> Result<(), QuantizeError> {
    let path = &linear.name;
    if let Some(bias) = layer.bias(path) {
        let mut bias = bias.to_vec();
        for (bias, scale) in bias[first..].iter_mut().zip(scales) {
            *bias /= scale;
        }
        layer.replace_bias(path, &bias)?;
        work.made.keep_floats(format!("{path}.bias"), bias);
    }
    if let Some(mut coded) = work.made.take_codes(path) {
        let groups = coded.groups();
        let rows = coded.scales[first * groups..].chunks_exact_mut(groups);
        for (of_row, scale) in rows.zip(scales) {
            for of_group in of_row {
                *of_group /= scale;
            }
        }
        let coded = work.with_scales(path, coded)?;
        layer.replace_weight(path, &coded.dequantize())?;
        work.made.keep_codes(path, coded);
        return Ok(());
    }
    let mut weight = layer.weight(path)?;
    let rows = weight[first * linear.in_features..].chunks_exact_mut(linear.in_features);
    for (row, scale) in rows.zip(scales) {
        for weight in row {
            *weight /= scale;
        }
    }
    layer.replace_weight(path, &weight)?;
    work.made.keep_floats(linear.weight(), weight);
    Ok(())
}
