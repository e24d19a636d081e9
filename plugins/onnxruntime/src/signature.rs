//! What a decoder graph takes and gives, and whether it can be fed.

use ort::session::Session;
use ort::value::{Outlet, TensorElementType, ValueType};

use crate::cache::{KeyValueCache, tensor_names};
use crate::genai_config::DecoderSection;

/// The states that logits are made of, which some graphs give too, and which are not asked for.
const HIDDEN_STATES: &str = "hidden_states";

/// Types that logits may have.
const LOGITS: [TensorElementType; 2] = [TensorElementType::Float32, TensorElementType::Float16];

/// Types of a decoder graph's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signature {
    /// Type of the key-value cache.
    pub(crate) cache: TensorElementType,
    /// Type of the logits: f32 or f16.
    pub(crate) logits: TensorElementType,
    /// Whether logits are those of the last token only.
    pub(crate) gives_last_only: bool,
}

impl Signature {
    /// The signature of the graph in `session`.
    ///
    /// # Errors
    /// The end of a sentence: what keeps the graph from being fed as `decoder` describes.
    pub(crate) fn of(session: &Session, decoder: &DecoderSection) -> Result<Self, String> {
        let names: Vec<_> = tensor_names(decoder).collect();
        let past: Vec<_> = names.iter().map(|names| names.past.as_str()).collect();
        let present: Vec<_> = names.iter().map(|names| names.present.as_str()).collect();
        let (fed, logits) = (&decoder.inputs, decoder.outputs.logits.as_str());
        let mut tokens = vec![fed.input_ids.as_str(), &fed.attention_mask];
        tokens.extend(fed.position_ids.as_deref());

        let inputs: Vec<_> = session.inputs().iter().collect();
        same_names("input", &inputs, &[&tokens, past.as_slice()].concat())?;
        let given = session.outputs().iter().filter(|output| output.name() != HIDDEN_STATES);
        let outputs: Vec<_> = given.collect();
        same_names("output", &outputs, &[&[logits], present.as_slice()].concat())?;

        let (logits, caches): (Vec<_>, Vec<_>) =
            outputs.into_iter().partition(|output| output.name() == logits);
        let past = inputs.into_iter().filter(|input| past.contains(&input.name()));
        let caches: Vec<_> = past.chain(caches).collect();
        let mut shapes = logits.iter().filter_map(|logits| logits.dtype().tensor_shape());
        Ok(Self {
            cache: common_type(&caches, &KeyValueCache::DTYPES)?,
            logits: common_type(&logits, &LOGITS)?,
            gives_last_only: shapes.any(|shape| shape.get(1) == Some(&1)),
        })
    }
}

fn same_names(what: &str, found: &[&Outlet], expected: &[&str]) -> Result<(), String> {
    if let Some(name) = expected.iter().find(|&name| found.iter().all(|it| it.name() != *name)) {
        return Err(format!("has no {what} `{name}`, which genai_config.json names"));
    }
    match found.iter().find(|it| !expected.contains(&it.name())) {
        Some(unknown) => {
            let name = unknown.name();
            Err(format!("has the {what} `{name}`, which genai_config.json does not name"))
        }
        None => Ok(()),
    }
}

/// The type of all `outlets`, one of `known`.
fn common_type(
    outlets: &[&Outlet],
    known: &[TensorElementType],
) -> Result<TensorElementType, String> {
    let mut allowed = known.to_vec();
    for outlet in outlets {
        match outlet.dtype() {
            ValueType::Tensor { ty, .. } if allowed.contains(ty) => allowed = vec![*ty],
            other => {
                let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
                let (name, allowed) = (outlet.name(), allowed.join(" or "));
                return Err(format!("has `{name}` of type {other}, not {allowed}"));
            }
        }
    }
    Ok(allowed[0])
}
