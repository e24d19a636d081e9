//! What a decoder computes beyond a plain one, by the setting that asks for it.
//!
//! Who cannot compute something refuses it by name: [`Decoder::features`] lists everything a
//! model needs, and a new feature is refused everywhere until someone says that it is supported.

use std::fmt;

use crate::decoder::{Activation, Biases, Decoder, WindowedLayers};

/// Something a decoder computes beyond a plain one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Biases of attention's linear layers.
    AttentionBias,
    /// Biases of the MLP's linear layers.
    MlpBias,
    /// Norms of query and key heads.
    HeadNorms,
    /// Norms of what attention and the MLP give.
    OutputNorms,
    /// Norms that multiply by `1 + weight`.
    NormAddsOne,
    /// A factor on the embedding.
    EmbeddingScale,
    /// A factor on attention scores other than `1 / sqrt(head_dim)`.
    AttentionScale,
    /// A soft cap on attention scores.
    AttentionSoftcap,
    /// A soft cap on logits.
    LogitSoftcap,
    /// `GeGLU` instead of `SwiGLU`.
    GeluTanh,
    /// A sliding window in every layer.
    SlidingWindow,
    /// A sliding window in some layers only.
    WindowedLayers,
}

impl Feature {
    /// What `config.json`, or the architecture where no key says it, asks for.
    pub fn setting(self) -> &'static str {
        match self {
            Self::AttentionBias => "`attention_bias`",
            Self::MlpBias => "`mlp_bias`",
            Self::HeadNorms => "`q_norm` and `k_norm`",
            Self::OutputNorms => "`post_feedforward_layernorm`",
            Self::NormAddsOne => "norms by `1 + weight`",
            Self::EmbeddingScale => "embeddings times `sqrt(hidden_size)`",
            Self::AttentionScale => "`query_pre_attn_scalar`",
            Self::AttentionSoftcap => "`attn_logit_softcapping`",
            Self::LogitSoftcap => "`final_logit_softcapping`",
            Self::GeluTanh => "activation `gelu_pytorch_tanh`",
            Self::SlidingWindow => "`sliding_window`",
            Self::WindowedLayers => "`sliding_window` in some layers",
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.setting())
    }
}

impl Decoder {
    /// Everything this model computes beyond a plain decoder.
    pub fn features(&self) -> Vec<Feature> {
        let Biases { qkv, output, mlp } = self.biases;
        let plain_scale = (self.head_dim as f64).sqrt().recip();
        let is_scaled = (self.attention_scale - plain_scale).abs() > 1e-9;
        let is_windowed = self.sliding_window.is_some();
        let is_everywhere = self.windowed_layers == WindowedLayers::All;
        let features = [
            (Feature::AttentionBias, qkv || output),
            (Feature::MlpBias, mlp),
            (Feature::HeadNorms, self.has_head_norms),
            (Feature::OutputNorms, self.has_output_norms),
            (Feature::NormAddsOne, self.norm_adds_one),
            (Feature::EmbeddingScale, self.embedding_scale.is_some()),
            (Feature::AttentionScale, is_scaled),
            (Feature::AttentionSoftcap, self.attention_softcap.is_some()),
            (Feature::LogitSoftcap, self.logit_softcap.is_some()),
            (Feature::GeluTanh, self.activation == Activation::GeluTanh),
            (Feature::SlidingWindow, is_windowed && is_everywhere),
            (Feature::WindowedLayers, is_windowed && !is_everywhere),
        ];
        features
            .into_iter()
            .filter_map(|(feature, is_needed)| is_needed.then_some(feature))
            .collect()
    }

    /// What this model needs and `supported` lacks.
    pub fn features_beyond(&self, supported: &[Feature]) -> Vec<Feature> {
        self.features().into_iter().filter(|feature| !supported.contains(feature)).collect()
    }
}
