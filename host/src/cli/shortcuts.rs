//! Commands that write the config they stand for. Options are spelled as Olive spells its own.

pub mod foreign;
pub mod common;
pub mod optimize;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use common::{AcceleratorArgs, DataArgs, MeasureArgs, ModelArgs, OptionalModelArgs, ShortcutArgs};

/// `olive finetune`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  olive finetune -m model --data train.json --text_template '{phrase}: {tone}' --max_steps 100
  olive finetune -m model --method qlora --lora_r 16 -d json --data_files a.json,b.json \\
      --use_chat_template --learning_rate 2e-4 --num_train_epochs 3

Any training argument of transformers may stand among the options, as `--learning_rate 2e-4`.")]
pub struct FinetuneArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// How to train: `lora`, `qlora`, or another method of an installed pass
    #[arg(long, value_name = "METHOD", default_value = "lora")]
    pub method: String,
    /// Rank of the adapters [default: the pass's]
    #[arg(long = "lora_r", value_name = "N")]
    pub lora_r: Option<usize>,
    /// Scale of the adapters, over their rank [default: the pass's]
    #[arg(long = "lora_alpha", value_name = "X")]
    pub lora_alpha: Option<f64>,
    /// Modules that get an adapter, with commas between [default: by the family of the model]
    #[arg(long = "target_modules", value_name = "NAMES", value_delimiter = ',')]
    pub target_modules: Vec<String>,
    /// Type to train in: `bfloat16`, `float16` or `float32` [default: the pass's]
    #[arg(long = "torch_dtype", value_name = "DTYPE")]
    pub torch_dtype: Option<String>,
    /// Rows to train on.
    #[command(flatten)]
    pub data: DataArgs,
    /// Rows to evaluate on while training, with commas between
    #[arg(long = "eval_data_files", value_name = "FILES", value_delimiter = ',')]
    pub eval_data_files: Vec<PathBuf>,
    /// A training argument, written as `--NAME VALUE`
    #[arg(long = "training_arg", value_name = "NAME=VALUE", hide = true)]
    pub training_arg: Vec<String>,
    /// What becomes of the config.
    #[command(flatten)]
    pub shortcut: ShortcutArgs,
}

/// `olive quantize`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  olive quantize -m model --precision int4
  olive quantize -m model.onnx --algorithm kquant --precision int4 -o small
  olive quantize -m model --algorithm gptq --bits 4 --group_size 32 --data train.json -o packed

A checkpoint or GGUF file becomes a quantized ONNX model, an ONNX model stays one. What calibrates
needs rows, and `gptq`, `awq` and `--implementation checkpoint` leave a checkpoint, with packed
weights: `olive convert --precision int4` takes those as they are.")]
pub struct QuantizeArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// How weights are rounded: `rtn`, `kquant`, `gptq`, `awq`, or another of an installed pass
    #[arg(long, value_name = "NAME", default_value = "rtn")]
    pub algorithm: String,
    /// Type of the weights, such as `int8` or `int4`
    #[arg(long, value_name = "TYPE", default_value = "int8")]
    pub precision: String,
    /// Bits of a weight, in the place of `--precision`
    #[arg(long, value_name = "N", conflicts_with = "precision")]
    pub bits: Option<u8>,
    /// Neighboring weights that share a scale [default: the pass's]
    #[arg(long = "group_size", visible_alias = "block_size", value_name = "N")]
    pub group_size: Option<usize>,
    /// Whose kernels the codes are for, of several passes with one algorithm: `olive`, `ort`, or
    /// `checkpoint` for other programs too
    #[arg(long, value_name = "NAME")]
    pub implementation: Option<String>,
    /// Rows to calibrate on.
    #[command(flatten)]
    pub data: DataArgs,
    /// Write codes for `DequantizeLinear`, which every runtime knows
    #[arg(long = "use_qdq_encoding")]
    pub use_qdq_encoding: bool,
    /// Where the result runs.
    #[command(flatten)]
    pub accelerator: AcceleratorArgs,
    /// What becomes of the config.
    #[command(flatten)]
    pub shortcut: ShortcutArgs,
}

/// `olive convert`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  olive convert -m model --precision int4
  olive convert -m model --adapter_path adapter --device gpu -o onnx
  olive convert -m model.gguf --precision int4 --extra_mb_options int4_is_symmetric=false")]
pub struct ConvertArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Type of the weights: `fp32`, `fp16`, `bf16`, `int8` or `int4` [default: fp32, on GPUs fp16]
    #[arg(long, value_name = "TYPE")]
    pub precision: Option<String>,
    /// Neighboring weights that share a scale
    #[arg(long = "int4_block_size", value_name = "N")]
    pub int4_block_size: Option<usize>,
    /// Least exact arithmetic of the kernels, 1 (32-bit float) to 4 (8-bit integers)
    #[arg(long = "int4_accuracy_level", value_name = "N")]
    pub int4_accuracy_level: Option<u8>,
    /// Leave the embedding out
    #[arg(long = "exclude_embeds")]
    pub exclude_embeds: bool,
    /// Leave out the layer that makes logits
    #[arg(long = "exclude_lm_head")]
    pub exclude_lm_head: bool,
    /// Let the CUDA provider record its kernels
    #[arg(long = "enable_cuda_graph")]
    pub enable_cuda_graph: bool,
    /// Options by the names of ONNX Runtime GenAI's builder, with commas between
    #[arg(long = "extra_mb_options", value_name = "KEY=VALUE", value_delimiter = ',')]
    pub extra_mb_options: Vec<String>,
    /// Where the result runs.
    #[command(flatten)]
    pub accelerator: AcceleratorArgs,
    /// What becomes of the config.
    #[command(flatten)]
    pub shortcut: ShortcutArgs,
}

/// `olive run-pass`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  olive run-pass --list-passes
  olive run-pass --pass-name PASS -m model precision=int4 int4_block_size=64 -o out
  olive run-pass --pass-name PASS -m model --pass-config '{\"precision\": \"int4\"}'

A value is JSON, or else text.")]
pub struct RunPassArgs {
    /// The pass, by the type that configs name it by
    #[arg(long = "pass-name", value_name = "TYPE", required_unless_present = "list_passes")]
    pub pass_name: Option<String>,
    /// Settings of the pass, as a JSON object
    #[arg(long = "pass-config", value_name = "JSON")]
    pub pass_config: Option<String>,
    /// One setting of the pass; it goes before `--pass-config`
    #[arg(value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
    /// List the passes of the installed plugins, and run none
    #[arg(
        long = "list-passes",
        conflicts_with_all = [
            "pass_name", "pass_config", "settings", "model_name_or_path", "adapter_path", "task",
            "device", "provider", "output_path", "save_config", "dry_run", "force"
        ]
    )]
    pub list_passes: bool,
    /// The model; with `--list-passes` there is none.
    #[command(flatten)]
    pub model: OptionalModelArgs,
    /// Where the result runs.
    #[command(flatten)]
    pub accelerator: AcceleratorArgs,
    /// What becomes of the config.
    #[command(flatten)]
    pub shortcut: ShortcutArgs,
}

/// `olive benchmark`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  olive benchmark -m model
  olive benchmark -m out --data test.json --text_template '{phrase}: {tone}' --json
  olive benchmark -m out --data test.json --prompt_template '{phrase}:' \\
      --answer_template '{tone}'

Without data latency, throughput and size are measured; with rows the perplexity of their text, with
answers too how many the model gives. `-o DIR` keeps the figures there, with a report.")]
pub struct BenchmarkArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Rows to measure quality on.
    #[command(flatten)]
    pub data: DataArgs,
    /// How much is measured.
    #[command(flatten)]
    pub measure: MeasureArgs,
    /// Where the model runs.
    #[command(flatten)]
    pub accelerator: AcceleratorArgs,
    /// What becomes of the config.
    #[command(flatten)]
    pub shortcut: ShortcutArgs,
}

/// Where a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// The processor
    Cpu,
    /// A graphics card
    Gpu,
    /// A processor for neural networks
    Npu,
}

impl Device {
    /// The name a config uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Npu => "npu",
        }
    }
}
