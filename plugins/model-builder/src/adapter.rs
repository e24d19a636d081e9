//! An adapter that stays one in the graph, so that a client can put another in its place.
//!
//! Only plain `LoRA` on layers below the logits can: what else an adapter may change has no place of
//! its own in the graph.

use std::ops::Range;
use std::path::Path;

use olive_kit_adapters::{AdapterFolder, Factors, MethodConfig};
use olive_kit_checkpoint::{Decoder, Description, Dtype, Linear, PackedLayer, PackedRows};
use olive_kit_weights::{ModelFiles, StoredRows, WeightError, WeightSource};
use olive_plugin_api::Diagnostic;

use crate::error::BuildError;
use crate::layout::Layout;

/// Where the config names the adapter.
const POINTER: &str = "/extra_options/adapter_path";
const A: &str = ".lora_A.weight";
const B: &str = ".lora_B.weight";

/// Names of the tensors `A`, `[rank, in]`, and `scale B`, `[out, rank]`, for the layer at `path`.
pub(crate) fn tensors(path: &str) -> [String; 2] {
    [A, B].map(|end| format!("{path}{end}"))
}

/// A model and an adapter beside it, whose [`tensors`] it has too.
#[derive(Debug)]
pub(crate) struct WithAdapter {
    model: Box<dyn WeightSource>,
    adapter: AdapterFolder,
}

impl WithAdapter {
    /// `model` with the adapter in the folder `dir`, for a graph with this layout.
    ///
    /// # Errors
    /// When the adapter is damaged or for another model, or changes what has no place of its own in
    /// such a graph.
    pub(crate) fn open(
        model: Box<dyn WeightSource>,
        dir: &Path,
        layout: Layout,
    ) -> Result<Self, BuildError> {
        let adapter = AdapterFolder::open(dir, &model.description().decoder)?;
        match problem(&adapter, layout) {
            Some(problem) => Err(problem.into()),
            None => Ok(Self { model, adapter }),
        }
    }

    /// The factors of the layer that a tensor is for, and whether it is `B`.
    fn factors(&self, name: &str) -> Result<Option<(Factors<'_>, bool)>, WeightError> {
        let a = name.strip_suffix(A).map(|path| (path, false));
        let Some((path, is_b)) = a.or_else(|| Some((name.strip_suffix(B)?, true))) else {
            return Ok(None);
        };
        Ok(self.adapter.factors(path)?.map(|factors| (factors, is_b)))
    }
}

/// What to do with an adapter that cannot stay one.
const MERGE: &str = "leave `adapter_path` out here and set it on the input model, which merges it";

impl WeightSource for WithAdapter {
    fn description(&self) -> &Description {
        self.model.description()
    }

    fn files(&self) -> &ModelFiles {
        self.model.files()
    }

    fn validate(&self) -> Result<(), WeightError> {
        self.model.validate()
    }

    fn shape(&self, name: &str) -> Result<Vec<usize>, WeightError> {
        match self.factors(name)? {
            Some((factors, false)) => Ok(factors.a.shape.to_vec()),
            Some((factors, true)) => Ok(factors.b.shape.to_vec()),
            None => self.model.shape(name),
        }
    }

    fn rows(&self, name: &str, rows: Range<usize>) -> Result<StoredRows<'_>, WeightError> {
        match self.factors(name)? {
            Some((Factors { a, .. }, false)) => Ok(StoredRows {
                dtype: a.dtype,
                row_len: a.row_len(),
                bytes: a.rows_bytes(rows).into(),
            }),
            Some((Factors { b, scale, .. }, true)) => {
                // In 32 bits, in which PEFT loads an adapter.
                #[expect(clippy::cast_possible_truncation, reason = "as torch multiplies")]
                let scale = scale as f32;
                let values: Vec<_> = b.rows_f32(rows).iter().map(|value| value * scale).collect();
                let mut bytes = Vec::new();
                Dtype::F32.encode(&values, &mut bytes);
                Ok(StoredRows { dtype: Dtype::F32, row_len: b.row_len(), bytes: bytes.into() })
            }
            None => self.model.rows(name, rows),
        }
    }

    fn packed(&self, path: &str) -> Option<&PackedLayer> {
        self.model.packed(path)
    }

    fn packed_rows(
        &self,
        linear: &Linear,
        rows: Range<usize>,
    ) -> Result<Option<PackedRows>, WeightError> {
        self.model.packed_rows(linear, rows)
    }

    fn adapter_rank(&self, path: &str) -> Option<usize> {
        let factors = self.adapter.factors(path).ok()?;
        factors.map(|factors| factors.a.num_rows())
    }

    fn release(&self, name: &str) {
        self.model.release(name);
    }
}

/// What of the adapter has no place of its own in a graph with this layout.
fn problem(adapter: &AdapterFolder, layout: Layout) -> Option<Diagnostic> {
    let method = match adapter.config().method {
        MethodConfig::Lora(lora) if lora.use_dora => "DORA",
        _ => adapter.config().method.name(),
    };
    let adapted = || adapter.linears().iter().map(|linear| linear.name.as_str());
    let is_packed = |path: &&str| {
        ["gate_proj", "up_proj", "gate_up_proj"].iter().any(|name| path.ends_with(name))
    };
    let message = if method != "LORA" {
        format!("the adapter is of {method}, and only LORA stays one in a graph")
    } else if let Some(module) = adapter.saved().chain(adapter.biases()).next() {
        format!("the adapter replaces the weight or bias of `{module}`, for which a graph has one")
    } else if adapted().any(|path| path == Decoder::LM_HEAD_MODULE) {
        "the adapter changes `lm_head`, beside which a graph has none".to_owned()
    } else if let Some(module) = adapted().find(is_packed).filter(|_| layout.packs_gate_up) {
        let message = format!(
            "the adapter changes `{module}`, which `fuse_mlp_gate_up` makes a part of one product"
        );
        let problem = Diagnostic::error("conflict", POINTER, message);
        return Some(problem.with_help("leave `fuse_mlp_gate_up` out"));
    } else {
        return None;
    };
    Some(Diagnostic::error("not-supported", POINTER, message).with_help(MERGE))
}
