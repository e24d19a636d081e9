//! What a graph is built for: an execution provider, a type of activations, and what follows.

use olive_kit_checkpoint::Dtype;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_plugin_api::{Diagnostic, Severity};

use crate::config::{ModelBuilderConfig, Precision, serialized};
use crate::spelling::Switch;
use Provider::{Cpu, Cuda, Dml, NvTensorRtRtx, WebGpu};

/// What a graph is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Which kernels run the graph.
    pub provider: Provider,
    /// Type of activations, of the KV cache and of weights that are not quantized.
    pub io: Dtype,
    /// Whether the provider records its kernels once and replays them.
    pub captures_graph: bool,
    /// Whether caches of layers with a sliding window may be as short as the window.
    pub windows_caches: bool,
    /// Whether attention may norm query and key heads itself.
    pub fuses_head_norms: bool,
}

/// An execution provider that has graphs of its own; all others take those of the CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// `CPUExecutionProvider`, and every provider that is not listed here.
    Cpu,
    /// `CUDAExecutionProvider`.
    Cuda,
    /// `DmlExecutionProvider`.
    Dml,
    /// `WebGpuExecutionProvider`.
    WebGpu,
    /// `NvTensorRTRTXExecutionProvider`.
    NvTensorRtRtx,
}

/// A provider that Olive knows and the original has no graphs for.
const NO_MORE: &str = "JsExecutionProvider";

impl Default for Target {
    fn default() -> Self {
        Self {
            provider: Provider::Cpu,
            io: Dtype::F32,
            captures_graph: false,
            windows_caches: true,
            fuses_head_norms: true,
        }
    }
}

impl Target {
    /// Whether one product makes queries, keys and values.
    pub fn packs_qkv(self) -> bool {
        self.provider != Provider::Dml
    }

    /// Whether the attention operator rotates queries and keys itself.
    pub fn rotates_in_attention(self) -> bool {
        self.provider != Provider::Dml
    }

    /// Whether the attention operator norms queries and keys itself.
    pub fn norms_in_attention(self) -> bool {
        matches!(self.provider, Provider::Cuda | Provider::WebGpu) && self.fuses_head_norms
    }

    /// Whether the graph may choose between branches.
    pub fn has_if(self) -> bool {
        match self.provider {
            Provider::Cpu | Provider::Cuda => true,
            Provider::WebGpu => !self.captures_graph,
            Provider::Dml | Provider::NvTensorRtRtx => false,
        }
    }

    /// Whether lengths are summed from the mask, as none of the operators of a recording may run on
    /// the processor.
    pub fn sums_lengths(self) -> bool {
        self.provider == Provider::WebGpu && self.captures_graph
    }

    /// Whether there are operators that read quantized weights.
    pub fn reads_codes(self) -> bool {
        self.provider != Provider::NvTensorRtRtx
    }

    /// Whether norms are written as the operators they consist of.
    pub fn expands_norms(self) -> bool {
        self.provider == Provider::NvTensorRtRtx
    }

    /// Least exact arithmetic of products with quantized weights when none is asked for; 0 leaves
    /// it to the kernels.
    pub fn accuracy_level(self) -> u8 {
        match self.provider {
            Provider::Cpu | Provider::WebGpu => 4,
            Provider::Cuda | Provider::Dml | Provider::NvTensorRtRtx => 0,
        }
    }

    /// Whether layers with a sliding window have caches of their own, which may be as short as the
    /// window.
    pub fn has_short_caches(self) -> bool {
        let has_kernels =
            matches!(self.provider, Provider::Cpu | Provider::Cuda | Provider::NvTensorRtRtx);
        self.windows_caches && has_kernels
    }

    /// Whether attention has to be told that a cache is short.
    pub fn marks_short_caches(self) -> bool {
        self.provider != Provider::NvTensorRtRtx
    }

    /// Type of the logits: bfloat16 is too coarse for them.
    pub fn logits(self) -> Dtype {
        if self.io == Dtype::BF16 { Dtype::F32 } else { self.io }
    }
}

impl Provider {
    /// The provider called `name`, such as `CUDAExecutionProvider`.
    pub fn named(name: &str) -> Self {
        match name {
            "CUDAExecutionProvider" => Self::Cuda,
            "DmlExecutionProvider" => Self::Dml,
            "WebGpuExecutionProvider" => Self::WebGpu,
            "NvTensorRTRTXExecutionProvider" => Self::NvTensorRtRtx,
            _ => Self::Cpu,
        }
    }
}

/// The target of a model with these settings on the execution provider called `name`.
///
/// # Errors
/// When there is no graph of this precision for the provider.
pub(crate) fn resolve(config: &ModelBuilderConfig, name: &str) -> Result<Target, Diagnostic> {
    let provider = Provider::named(name);
    let io = io(config, provider);
    let captures_graph = captures_graph(config, provider);
    let windows_caches = config.extra_options.windowed_kv_cache.is_none_or(bool::from);
    let fuses_head_norms = config.extra_options.fuse_qk_norm_gqa.is_none_or(bool::from);
    let target = Target { provider, io, captures_graph, windows_caches, fuses_head_norms };
    let is_built = match config.precision {
        Precision::Fp32 => target.io == Dtype::F32 && matches!(provider, Cpu | WebGpu),
        Precision::Fp16 => provider != Cpu,
        Precision::Bf16 => matches!(provider, Cuda | NvTensorRtRtx),
        Precision::Int8 => provider != NvTensorRtRtx,
        Precision::Int4 => true,
    };
    if (is_built || config.is_metadata_only()) && name != NO_MORE {
        return Ok(target);
    }
    let precision = serialized(config.precision);
    let message = format!("no graph of precision `{precision}` is built for `{name}`");
    Err(Diagnostic::error("not-supported", "/precision", message))
}

/// Notes about settings of other providers than that of `target`.
pub(crate) fn without_effect(config: &ModelBuilderConfig, target: Target) -> Vec<Diagnostic> {
    let extra = &config.extra_options;
    let is_int4 = config.precision == Precision::Int4;
    let is_nvidia = matches!(target.provider, Cuda | NvTensorRtRtx);
    let [cuda, dml, web_gpu] = [Cuda, Dml, WebGpu].map(|provider| target.provider == provider);
    let reads_fp32 = web_gpu && config.precision != Precision::Fp32;
    [
        ("/enable_cuda_graph", config.enable_cuda_graph, cuda),
        ("/extra_options/enable_cuda_graph", extra.enable_cuda_graph.map(bool::from), cuda),
        ("/extra_options/enable_dml_graph", extra.enable_dml_graph.map(bool::from), dml),
        ("/extra_options/enable_webgpu_graph", extra.enable_webgpu_graph.map(bool::from), web_gpu),
        ("/use_cuda_bf16", config.use_cuda_bf16, is_int4 && is_nvidia),
        ("/extra_options/use_cuda_bf16", extra.use_cuda_bf16.map(bool::from), is_int4 && is_nvidia),
        ("/use_webgpu_fp32", config.use_webgpu_fp32, reads_fp32),
        ("/extra_options/use_webgpu_fp32", extra.use_webgpu_fp32.map(bool::from), reads_fp32),
        (
            "/extra_options/fuse_qk_norm_gqa",
            extra.fuse_qk_norm_gqa.map(bool::from),
            cuda || web_gpu,
        ),
        (
            "/extra_options/windowed_kv_cache",
            extra.windowed_kv_cache.map(bool::from),
            !dml && !web_gpu,
        ),
    ]
    .into_iter()
    .filter(|(_, value, is_read)| value.is_some() && !is_read)
    .map(|(pointer, ..)| {
        let name = pointer.rsplit('/').next().unwrap_or_default();
        let message = format!("`{name}` has no effect with this precision and execution provider");
        Diagnostic::new(Severity::Note, "no-effect", pointer, message)
    })
    .collect()
}

/// Type of activations: 32-bit float on the CPU, 16-bit float on others unless asked otherwise.
fn io(config: &ModelBuilderConfig, provider: Provider) -> Dtype {
    let extra = &config.extra_options;
    let is_asked = |extra: Option<Switch>, field| extra.map(bool::from).or(field) == Some(true);
    let wants_fp32 = is_asked(extra.use_webgpu_fp32, config.use_webgpu_fp32);
    let wants_bf16 = is_asked(extra.use_cuda_bf16, config.use_cuda_bf16);
    match config.precision {
        Precision::Fp32 => Dtype::F32,
        _ if provider == WebGpu && wants_fp32 => Dtype::F32,
        Precision::Bf16 => Dtype::BF16,
        Precision::Int8 | Precision::Int4 if provider == Cpu => Dtype::F32,
        Precision::Int4 if matches!(provider, Cuda | NvTensorRtRtx) && wants_bf16 => Dtype::BF16,
        Precision::Fp16 | Precision::Int8 | Precision::Int4 => Dtype::F16,
    }
}

fn captures_graph(config: &ModelBuilderConfig, provider: Provider) -> bool {
    let extra = &config.extra_options;
    match provider {
        Cuda => extra.enable_cuda_graph.map(bool::from).or(config.enable_cuda_graph) == Some(true),
        Dml => extra.enable_dml_graph.is_none_or(bool::from),
        WebGpu => extra.enable_webgpu_graph.is_some_and(bool::from),
        NvTensorRtRtx => true,
        Cpu => false,
    }
}

/// `dtype` as ONNX numbers types.
pub(crate) fn onnx_type(dtype: Dtype) -> DataType {
    match dtype {
        Dtype::F32 => DataType::Float,
        Dtype::F16 => DataType::Float16,
        Dtype::BF16 => DataType::Bfloat16,
    }
}
