//! Whether adapters fit a model.

use std::collections::BTreeMap;

use olive_kit_adapters::{Adapters, Factor, Layer, Method, ParameterId};
use olive_kit_checkpoint::{Decoder, Linear};

use crate::error::DecoderError;

/// Checks that everything adapted is a layer of `decoder`, and that all shapes fit.
///
/// # Errors
/// When a module is none of its layers, or a tensor has another shape than its layer needs.
pub fn check_adapters(adapters: &Adapters, decoder: &Decoder) -> Result<(), DecoderError> {
    if adapters.is_empty() {
        return Ok(());
    }
    let linears = decoder.linears_of_layers().map(|linear| (linear.name.clone(), linear));
    let mut linears: BTreeMap<_, _> = linears.collect();
    linears.insert(Decoder::LM_HEAD_MODULE.to_owned(), decoder.lm_head());
    for (module, layer) in &adapters.layers {
        let Some(linear) = linears.get(module) else {
            let num_layers = decoder.num_layers;
            return Err(DecoderError::UnknownModule { module: module.clone(), num_layers });
        };
        check_layer(adapters, layer, linear)?;
    }
    for (module, id) in &adapters.biases {
        if let Some(linear) = linears.get(module) {
            check_shape(adapters, *id, linear, &[linear.out_features])?;
        }
    }
    for (module, id) in &adapters.saved {
        if let Some(linear) = linears.get(module) {
            check_shape(adapters, *id, linear, &[linear.out_features, linear.in_features])?;
        }
    }
    Ok(())
}

fn check_layer(adapters: &Adapters, layer: &Layer, linear: &Linear) -> Result<(), DecoderError> {
    let (out_features, in_features) = (linear.out_features, linear.in_features);
    let shape = |id: &ParameterId| adapters.parameter(*id).shape.as_slice();
    match &layer.method {
        Method::Lora { a, b, magnitude } => {
            let rank = shape(a).first().copied().unwrap_or(0);
            check_shape(adapters, *a, linear, &[rank, in_features])?;
            check_shape(adapters, *b, linear, &[out_features, rank])?;
            match magnitude {
                Some(magnitude) => check_shape(adapters, *magnitude, linear, &[out_features]),
                None => Ok(()),
            }
        }
        Method::Loha { w1_a, w1_b, w2_a, w2_b } => {
            for (a, b) in [(w1_a, w1_b), (w2_a, w2_b)] {
                let rank = shape(b).first().copied().unwrap_or(0);
                check_shape(adapters, *a, linear, &[out_features, rank])?;
                check_shape(adapters, *b, linear, &[rank, in_features])?;
            }
            Ok(())
        }
        Method::Lokr { w1, w2 } => {
            let size = |factor: &Factor| match factor {
                Factor::Whole(id) => (shape(id)[0], shape(id)[1]),
                Factor::Product(a, b) => (shape(a)[0], shape(b)[1]),
            };
            let ((rows_1, columns_1), (rows_2, columns_2)) = (size(w1), size(w2));
            if (rows_1 * rows_2, columns_1 * columns_2) == (out_features, in_features) {
                return Ok(());
            }
            let id = match w1 {
                Factor::Whole(id) | Factor::Product(id, _) => *id,
            };
            check_shape(adapters, id, linear, &[out_features / rows_2, in_features / columns_2])
        }
    }
}

fn check_shape(
    adapters: &Adapters,
    id: ParameterId,
    linear: &Linear,
    expected: &[usize],
) -> Result<(), DecoderError> {
    let parameter = adapters.parameter(id);
    if parameter.shape == expected && parameter.values.len() == expected.iter().product::<usize>() {
        return Ok(());
    }
    Err(DecoderError::AdapterShape {
        module: linear.name.clone(),
        out_features: linear.out_features,
        in_features: linear.in_features,
        parameter: parameter.name.clone(),
        found: parameter.shape.clone(),
        expected: expected.to_vec(),
    })
}
