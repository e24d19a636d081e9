//! Why a decoder could not be loaded or run.

use olive_kit_checkpoint::CheckpointError;
use olive_kit_quant::QuantError;
use thiserror::Error;

/// Why a decoder could not be loaded or run.
#[derive(Debug, Error)]
pub enum DecoderError {
    /// The checkpoint or adapter does not hold what it should.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A batch without tokens.
    #[error("a batch of {batch} sequences of {seq} tokens has no tokens")]
    EmptyBatch {
        /// Number of sequences.
        batch: usize,
        /// Tokens of each.
        seq: usize,
    },
    /// A field of a batch has another length than `batch * seq`.
    #[error("`{field}` has {found} entries; {batch} sequences of {seq} tokens need {}", batch * seq)]
    BatchLength {
        /// Name of the field.
        field: &'static str,
        /// Its length.
        found: usize,
        /// Number of sequences.
        batch: usize,
        /// Tokens of each.
        seq: usize,
    },
    /// A token without an embedding.
    #[error("token {token} lies outside the model's vocabulary of {vocab_size}")]
    TokenOutsideVocabulary {
        /// The token.
        token: u32,
        /// Rows of the embedding.
        vocab_size: usize,
    },
    /// A label without a logit.
    #[error("label {label} lies outside the model's vocabulary of {vocab_size}; -100 ignores one")]
    LabelOutsideVocabulary {
        /// The label.
        label: i64,
        /// Rows of the embedding.
        vocab_size: usize,
    },
    /// An adapter for a layer the model does not have.
    #[error(
        "the adapter adapts `{module}`, which is no linear layer of the model's {num_layers} layers"
    )]
    UnknownModule {
        /// Module path in the adapter.
        module: String,
        /// Layers of the model.
        num_layers: usize,
    },
    /// A tensor that does not fit the layer it adapts.
    #[error(
        "`{module}` is [{out_features}, {in_features}]; its `{parameter}` is {found:?}, not {expected:?}"
    )]
    AdapterShape {
        /// Module path.
        module: String,
        /// Rows of the layer's weight.
        out_features: usize,
        /// Columns of the layer's weight.
        in_features: usize,
        /// Name of the tensor.
        parameter: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it should have.
        expected: Vec<usize>,
    },
    /// A cache made for another model.
    #[error("the cache is for {found} layers, but the model has {expected}")]
    CacheOfAnotherModel {
        /// Layers of the cache.
        found: usize,
        /// Layers of the model.
        expected: usize,
    },
    /// A weight that cannot be rounded to codes.
    #[error("`{name}` cannot be quantized to 4 bits")]
    Quantize {
        /// Name of the tensor.
        name: String,
        /// Why.
        source: QuantError,
    },
    /// A computation on another device failed.
    #[error("the model could not be computed on the device: {0}")]
    Device(String),
}
