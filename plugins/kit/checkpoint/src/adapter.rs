//! PEFT LoRA adapters: a folder of `adapter_config.json` and `adapter_model.safetensors`.
//!
//! Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021): an adapted layer
//! computes `W x + scale * B A x`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::adapter_config::AdapterConfig;
use crate::archive::SafetensorsFile;
use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::tensor::Tensor;
use crate::writer::{SafetensorsWriter, TensorSpec};

const WEIGHTS: &str = "adapter_model.safetensors";
const PICKLE: &str = "adapter_model.bin";
const PREFIX: &str = "base_model.model.";
const SUFFIX_A: &str = ".lora_A.weight";
const SUFFIX_B: &str = ".lora_B.weight";

/// A LoRA adapter, mapped.
#[derive(Debug)]
pub struct Adapter {
    config: AdapterConfig,
    file: SafetensorsFile,
    modules: BTreeSet<String>,
}

/// The two factors of one adapted layer, stored.
#[derive(Debug, Clone, Copy)]
pub struct LoraPair<'a> {
    /// `A`, `[rank, in_features]`.
    pub a: Tensor<'a>,
    /// `B`, `[out_features, rank]`.
    pub b: Tensor<'a>,
    /// Factor on `B A`.
    pub scale: f64,
}

/// The two factors of one adapted layer, to be written.
#[derive(Debug, Clone, Copy)]
pub struct LoraWeights<'a> {
    /// Module path, such as `model.layers.0.self_attn.qkv_proj`.
    pub module: &'a str,
    /// Width of the layer's input.
    pub in_features: usize,
    /// Width of the layer's output.
    pub out_features: usize,
    /// `A`, `[rank, in_features]`.
    pub a: &'a [f32],
    /// `B`, `[out_features, rank]`.
    pub b: &'a [f32],
}

impl Adapter {
    /// Reads the config in `dir` and maps the weights.
    ///
    /// # Errors
    /// When a file is missing or damaged, or the adapter computes something else than LoRA.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, CheckpointError> {
        let dir = dir.as_ref();
        if !dir.is_dir() {
            return Err(CheckpointError::NoFolder(dir.to_owned()));
        }
        let config = AdapterConfig::read(dir)?;
        let file = SafetensorsFile::open(&weights_path(dir)?)?;
        let modules = modules(&file)?;
        let adapter = Self { config, file, modules };
        for module in &adapter.modules {
            adapter.checked_pair(module)?;
        }
        Ok(adapter)
    }

    /// Its settings.
    pub fn config(&self) -> &AdapterConfig {
        &self.config
    }

    /// The safetensors file.
    pub fn weight_file(&self) -> &Path {
        self.file.path()
    }

    /// Module paths of all adapted layers, sorted.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(String::as_str)
    }

    /// The factors of the layer at this module path, if it is adapted.
    ///
    /// # Errors
    /// None that [`Adapter::open`] would not have found.
    pub fn pair(&self, module: &str) -> Result<Option<LoraPair<'_>>, CheckpointError> {
        self.modules.contains(module).then(|| self.checked_pair(module)).transpose()
    }

    fn checked_pair(&self, module: &str) -> Result<LoraPair<'_>, CheckpointError> {
        let a = self.file.tensor(&format!("{PREFIX}{module}{SUFFIX_A}"))?;
        let b = self.file.tensor(&format!("{PREFIX}{module}{SUFFIX_B}"))?;
        let rank = self.config.rank(module);
        check_shape(&a, &[rank, a.row_len()])?;
        check_shape(&b, &[b.num_rows(), rank])?;
        Ok(LoraPair { a, b, scale: self.config.scale(module) })
    }
}

/// Writes an adapter into the folder `dir` that PEFT loads: config, then weights as `dtype`.
///
/// # Errors
/// When a file cannot be written.
///
/// # Panics
/// When a factor's length does not fit its shape.
pub fn write(
    dir: &Path,
    config: &AdapterConfig,
    layers: &[LoraWeights<'_>],
    dtype: Dtype,
) -> Result<(), CheckpointError> {
    config.write(dir)?;
    let mut tensors = Vec::new();
    for layer in layers {
        let rank = config.rank(layer.module);
        let name = |suffix| format!("{PREFIX}{}{suffix}", layer.module);
        let a = TensorSpec::new(name(SUFFIX_A), dtype, [rank, layer.in_features]);
        let b = TensorSpec::new(name(SUFFIX_B), dtype, [layer.out_features, rank]);
        tensors.extend([(a, layer.a), (b, layer.b)]);
    }
    tensors.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let specs = tensors.iter().map(|(spec, _)| spec.clone());
    let mut writer = SafetensorsWriter::create(dir.join(WEIGHTS), specs)?;
    for (spec, values) in tensors {
        writer.append_f32(&spec.name, values)?;
    }
    writer.finish()
}

fn weights_path(dir: &Path) -> Result<PathBuf, CheckpointError> {
    let path = dir.join(WEIGHTS);
    if !path.is_file() && dir.join(PICKLE).is_file() {
        let (dir, file) = (dir.to_owned(), PICKLE.to_owned());
        return Err(CheckpointError::PickleOnly { dir, file });
    }
    Ok(path)
}

fn modules(file: &SafetensorsFile) -> Result<BTreeSet<String>, CheckpointError> {
    let mut modules = BTreeSet::new();
    for name in file.names() {
        let path = name.strip_prefix(PREFIX);
        let module = path
            .and_then(|path| path.strip_suffix(SUFFIX_A).or_else(|| path.strip_suffix(SUFFIX_B)));
        let Some(module) = module else {
            let problem = format!("tensor `{name}` is no LoRA factor of a layer");
            return Err(CheckpointError::config(file.path(), problem));
        };
        modules.insert(module.to_owned());
    }
    Ok(modules)
}

fn check_shape(tensor: &Tensor<'_>, expected: &[usize]) -> Result<(), CheckpointError> {
    if tensor.shape == expected {
        return Ok(());
    }
    Err(CheckpointError::Shape {
        name: tensor.name.to_owned(),
        found: tensor.shape.to_vec(),
        expected: expected.to_vec(),
    })
}
