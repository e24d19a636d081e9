//! Settings of the pass.

use std::collections::BTreeMap;

use olive_plugin_api::{Device, Scalar};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the `OrtSessionParamsTuning` pass: which ways to run a model are tried.
///
/// Every list may be one value. All combinations are tried, the model's own way always.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-olive-ignored" = {
    "io_bind": {"reason": "inputs and outputs are always bound", "harmless": true},
    "script_dir": "Python code is never run",
    "dataloader_func": "Python code is never run",
    "dataloader_func_kwargs": "Python code is never run",
    "data_dir": "the prompt is made of `data_config`",
    "input_names": "a decoder's inputs are those of `genai_config.json`",
    "input_shapes": "a decoder's inputs are those of `genai_config.json`",
    "input_types": "a decoder's inputs are those of `genai_config.json`"
}), extend("x-olive-unavailable" = {
    "enable_cuda_graph": {
        "reason": "the cache of keys and values grows, and a CUDA graph keeps its addresses",
        "unless": [null, false]
    },
    "batch_size": {"reason": "one prompt is run at a time", "unless": [null, 1]},
    "enable_profiling": {"reason": "profiles are not kept", "unless": [null, false]},
    "user_script": {"reason": "Python code is never run", "unless": [null]}
}))]
pub struct OrtSessionParamsTuningConfig {
    /// Name of the data config whose texts the prompt is made of; arbitrary tokens without one.
    #[schemars(extend("x-olive-reference" = "data_config"))]
    pub data_config: Option<String>,
    /// Kind of device that is tuned for; that of the workflow's accelerator when left out.
    pub device: Option<Device>,
    /// Most threads that are tried on their own account; the threads of the run when left out.
    #[schemars(range(min = 1))]
    pub cpu_cores: Option<usize>,
    /// Execution providers to try; that of the workflow's accelerator when left out.
    ///
    /// A list may have pairs: the name of a provider, and its options.
    pub providers_list: Option<Choices<ProviderChoice>>,
    /// Sets of options to try with each provider that has none of its own.
    pub provider_options_list: Option<Choices<BTreeMap<String, Scalar>>>,
    /// Whether nodes run one after the other (0) or those that can at the same time (1).
    pub execution_mode_list: Option<Choices<ExecutionMode>>,
    /// Levels of the runtime's own optimizer to try: 0, 1, 2, 3 or 99.
    pub opt_level_list: Option<Choices<OptLevel>>,
    /// Threads within a node to try; halves of `cpu_cores` down to 1 when left out.
    pub intra_thread_num_list: Option<Choices<usize>>,
    /// Nodes at the same time to try, where `execution_mode_list` has 1.
    pub inter_thread_num_list: Option<Choices<usize>>,
    /// Whether to plan memory from the sizes of the first run.
    pub mem_pattern_list: Option<Choices<bool>>,
    /// Whether to keep memory of the processor from run to run.
    pub cpu_mem_arena_list: Option<Choices<bool>>,
    /// Entries of the session's config that every way but the model's own has.
    pub extra_session_config: Option<BTreeMap<String, Scalar>>,
    /// Whether `TensorrtExecutionProvider` may compute in 16-bit floats.
    pub trt_fp16_enable: bool,
    /// Whether providers beside that of the workflow's accelerator may be tried.
    pub force_evaluate_other_eps: bool,
    /// Tokens of the prompt that every run starts with.
    #[schemars(range(min = 1))]
    pub prompt_tokens: usize,
    /// Tokens that every run generates after the first; with 0, only prompts are timed.
    pub max_new_tokens: usize,
    /// Runs of each way before it is timed.
    pub warmup_num: usize,
    /// Rounds in which the best way and the next run in turns.
    #[schemars(range(min = 3))]
    pub repeat_test_num: usize,
}

impl Default for OrtSessionParamsTuningConfig {
    fn default() -> Self {
        Self {
            data_config: None,
            device: None,
            cpu_cores: None,
            providers_list: None,
            provider_options_list: None,
            execution_mode_list: None,
            opt_level_list: None,
            intra_thread_num_list: None,
            inter_thread_num_list: None,
            mem_pattern_list: None,
            cpu_mem_arena_list: None,
            extra_session_config: None,
            trt_fp16_enable: false,
            force_evaluate_other_eps: false,
            prompt_tokens: 64,
            max_new_tokens: 16,
            warmup_num: 2,
            repeat_test_num: 10,
        }
    }
}

/// A provider, with options of its own or without.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ProviderChoice {
    /// Its name.
    Name(String),
    /// Its name and its options.
    Pair(String, BTreeMap<String, Scalar>),
}

impl ProviderChoice {
    /// Its name, such as `CUDAExecutionProvider`.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Pair(name, _) => name,
        }
    }
}

/// One value or several to try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Choices<T> {
    /// The only one.
    One(T),
    /// Several, in order.
    Many(Vec<T>),
}

impl<T: Clone> Choices<T> {
    /// The values to try; one that is left to the runtime where there are no `choices`.
    pub(super) fn of(choices: Option<&Self>) -> Vec<Option<T>> {
        match choices {
            None => vec![None],
            Some(Self::One(value)) => vec![Some(value.clone())],
            Some(Self::Many(values)) => values.iter().cloned().map(Some).collect(),
        }
    }
}

/// Whether nodes run one after the other (0) or those that can at the same time (1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("enum" = [0, 1]))]
pub struct ExecutionMode(pub u8);

/// A level of ONNX Runtime's own optimizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("enum" = [0, 1, 2, 3, 99]))]
pub struct OptLevel(pub u8);
