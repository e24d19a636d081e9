//! One surgery, as a user writes it: a surgeon and its settings.

use olive_plugin_api::Diagnostic;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// One edit of the graph.
///
/// Which settings belong to which surgeon is said at each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Surgery {
    /// What is done.
    #[schemars(extend("x-olive-unavailable-values" = unavailable()))]
    pub surgeon: Surgeon,
    /// Names that `RenameInputs` and `RenameOutputs` change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_names: Option<Vec<String>>,
    /// Names that `RenameInputs` and `RenameOutputs` give, one for each of `old_names`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_names: Option<Vec<String>>,
    /// Inputs that `RemoveInputs` drops, or nodes whose first output `ExposeOutputs` shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// Where `ReorderInputs` takes each input from, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permutation: Option<Vec<usize>>,
    /// Input that `RenameInputDims` works on, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_name: Option<String>,
    /// Input that `RenameInputDims` works on, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_idx: Option<usize>,
    /// Output that `RenameOutputDims` works on, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_idx: Option<usize>,
    /// Dimension that `RenameInputDims` or `RenameOutputDims` names, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dim_idx: Option<usize>,
    /// Name that `RenameInputDims` or `RenameOutputDims` gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dim_name: Option<String>,
    /// Numbers below it are what `ReplaceAttentionMaskValue` replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = -3e30))]
    pub threshold: Option<f64>,
    /// Number that `ReplaceAttentionMaskValue` writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = -1e4))]
    pub replacement: Option<f64>,
    /// Whether `RemoveRopeMultiCache` keeps the cache for long texts, not the one for short ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub use_large_cache: Option<bool>,
}

/// What a surgery does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Surgeon {
    /// Write products with a matrix and a sum as two nodes, which quantizers know.
    GemmToMatMulAdd,
    /// Compute the logits with the weights of the embedding, when they are the same.
    TieWordEmbeddings,
    /// Write a smaller number for what attention must not see.
    ReplaceAttentionMaskValue,
    /// Write products with a matrix and a sum as one node.
    MatMulAddToGemm,
    /// Name a dimension of an input.
    RenameInputDims,
    /// Name a dimension of an output.
    RenameOutputDims,
    /// Keep one of the two caches of rotary embeddings that depend on the length.
    RemoveRopeMultiCache,
    /// Take sequence lengths as inputs instead of an attention mask.
    AttentionMaskToSequenceLengths,
    /// Write norms by root mean square as norms by length.
    SimplifiedLayerNormToL2Norm,
    /// Write products with a reciprocal as quotients.
    ReciprocalMulToDiv,
    /// Drop index lists of quantized products that are in order anyway.
    RemoveGidxFromMatMulNBits,
    /// Drop weights that a graph inside a node has twice.
    DeduplicateSubgraphInitializers,
    /// Drop nodes whose outputs another node makes before.
    DeduplicateNodes,
    /// Drop nodes that only copy between devices.
    RemoveMemcpy,
    /// Write attention over segments of a sequence as a loop over them.
    PackedAttentionToLoopMHA,
    /// Write norms by length, computed in four nodes, as one.
    PowReduceSumPowDiv2LpNorm,
    /// Give inputs other names.
    RenameInputs,
    /// Give outputs other names.
    RenameOutputs,
    /// Put inputs into another order.
    ReorderInputs,
    /// Take inputs out of the graph and of its nodes.
    RemoveInputs,
    /// Make the first outputs of nodes outputs of the graph.
    ExposeOutputs,
    /// Forget the shapes of values between inputs and outputs.
    RemoveShapes,
    /// Take weights out of the list of inputs.
    RemoveInitializerFromInputs,
}

/// A setting of a surgery: its name, whether it is there, and who takes it.
type Setting = (&'static str, bool, &'static [Surgeon]);

impl Surgery {
    /// What is missing, too much, or contradictory in the surgery at `index` of the list.
    pub(crate) fn problems(&self, index: usize) -> Vec<Diagnostic> {
        let surgeon = json!(self.surgeon);
        let surgeon = surgeon.as_str().unwrap_or_default();
        let mut found = Vec::new();
        for (name, is_there, takers) in self.settings() {
            let takes = takers.contains(&self.surgeon);
            let pointer = format!("/surgeries/{index}/{name}");
            if is_there && !takes {
                let message = format!("`{surgeon}` has no setting `{name}`");
                found.push(Diagnostic::error("not-its-setting", &pointer, message));
            } else if takes && !is_there && !self.may_lack(name) {
                let message = format!("`{surgeon}` needs `{name}`");
                found.push(Diagnostic::error(
                    "missing-setting",
                    format!("/surgeries/{index}"),
                    message,
                ));
            }
        }
        if let (Some(old), Some(new)) = (&self.old_names, &self.new_names)
            && old.len() != new.len()
        {
            let message = format!("{} new names for {} old ones", new.len(), old.len());
            let pointer = format!("/surgeries/{index}/new_names");
            found.push(Diagnostic::error("lengths-differ", &pointer, message));
        }
        found
    }

    fn settings(&self) -> [Setting; 12] {
        use Surgeon::{
            ExposeOutputs, RemoveInputs, RemoveRopeMultiCache, RenameInputDims, RenameInputs,
            RenameOutputDims, RenameOutputs, ReorderInputs, ReplaceAttentionMaskValue,
        };
        [
            ("old_names", self.old_names.is_some(), &[RenameInputs, RenameOutputs]),
            ("new_names", self.new_names.is_some(), &[RenameInputs, RenameOutputs]),
            ("names", self.names.is_some(), &[RemoveInputs, ExposeOutputs]),
            ("permutation", self.permutation.is_some(), &[ReorderInputs]),
            ("input_name", self.input_name.is_some(), &[RenameInputDims]),
            ("input_idx", self.input_idx.is_some(), &[RenameInputDims]),
            ("output_idx", self.output_idx.is_some(), &[RenameOutputDims]),
            ("dim_idx", self.dim_idx.is_some(), &[RenameInputDims, RenameOutputDims]),
            ("dim_name", self.dim_name.is_some(), &[RenameInputDims, RenameOutputDims]),
            ("threshold", self.threshold.is_some(), &[ReplaceAttentionMaskValue]),
            ("replacement", self.replacement.is_some(), &[ReplaceAttentionMaskValue]),
            ("use_large_cache", self.use_large_cache.is_some(), &[RemoveRopeMultiCache]),
        ]
    }

    /// Whether the surgeon does without its setting `name`.
    fn may_lack(&self, name: &str) -> bool {
        match name {
            "threshold" | "replacement" | "use_large_cache" | "input_idx" => true,
            "input_name" => self.input_idx.is_some(),
            _ => false,
        }
    }
}

/// Surgeons of Olive that are not done, each with the reason.
fn unavailable() -> Map<String, Value> {
    const LATER: &str = "this surgery is not done yet";
    const NAMES: [&str; 32] = [
        "AddIntermediateTensorsToOutputs",
        "DecomposeQuickGelu",
        "DecomposeRotaryEmbedding",
        "ExposeQuantizedOutput",
        "Flatten",
        "Gather",
        "GatherElements",
        "InferShapes",
        "MatMulToTransposeConvTranspose",
        "Non4DExpand",
        "Non4DInitializers",
        "Non4DLpNorm",
        "Non4DModelInputs",
        "Non4DModelOutputs",
        "Non4DReshape",
        "Non4DSlice",
        "Non4DTranspose",
        "PackedAttentionToPackedMHA",
        "QDQToClip",
        "QuantizeEmbeddingInt8",
        "RMSNormToL2Norm",
        "ReduceMax",
        "RemoveAllTensorValueShapes",
        "RemoveDeqLin",
        "RemoveIntermediarySqueezeAndUnsqueeze",
        "RemoveQDQ",
        "ReplaceErfWithTanh",
        "ReshapeClipReduceSum",
        "ReshapeReduceSum",
        "ShareEmbeddingLmHead",
        "SimplifiedLayerNormToRMSNorm",
        "StandaloneReduceSum",
    ];
    let last = ("ZeroOutInput".to_owned(), json!(LATER));
    NAMES.map(|name| (name.to_owned(), json!(LATER))).into_iter().chain([last]).collect()
}
