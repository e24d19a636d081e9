//! `genai_config.json`: what ONNX Runtime GenAI must know besides the graph.

use olive_kit_checkpoint::files::GENERATION_CONFIG;
use olive_kit_checkpoint::{Decoder, Description};
use olive_kit_weights::ModelFiles;
use serde::Serialize as _;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use crate::error::BuildError;
use crate::graph::rope::long_rope;
use crate::layout::{Input, Layout};
use crate::options::BuildOptions;
use crate::target::{Provider, Target};
use crate::text::read_json;
use crate::tokenizer::Tokenizer;

/// Name of the file.
pub(crate) const FILE: &str = "genai_config.json";

/// Beginning-of-sequence token of a model that names none.
const DEFAULT_BOS: u32 = 1;

/// The text of the file for the first `num_layers` layers of a model.
///
/// # Errors
/// When nothing says which token ends a sequence, or the generation config is damaged.
pub(crate) fn render(
    description: &Description,
    files: &ModelFiles,
    tokenizer: &Tokenizer,
    num_layers: usize,
    options: &BuildOptions,
) -> Result<String, BuildError> {
    let model = model(description, tokenizer, num_layers, options)?;
    let search = search(description, files, options)?;
    Ok(indented(&json!({ "model": model, "search": search })))
}

fn model(
    description: &Description,
    tokenizer: &Tokenizer,
    num_layers: usize,
    options: &BuildOptions,
) -> Result<Value, BuildError> {
    let decoder = &description.decoder;
    let tokens = Tokens::resolve(description, tokenizer)?;
    let providers: Vec<_> = provider_options(decoder, options.target).into_iter().collect();
    let mut session = json!({ "log_id": "onnxruntime-genai", "provider_options": providers });
    if options.allocates_on_device {
        session["session.use_device_allocator_for_initializers"] = "1".into();
    }
    let mut model = json!({
        "bos_token_id": tokens.bos,
        "context_length": decoder.max_positions,
        "decoder": {
            "session_options": session,
            "filename": options.file_name,
            "head_size": decoder.head_dim,
            "hidden_size": decoder.hidden_size,
            "inputs": inputs(options),
            "outputs": outputs(options.layout),
            "num_attention_heads": decoder.num_heads,
            "num_hidden_layers": num_layers,
            "num_key_value_heads": decoder.num_kv_heads,
        },
        "eos_token_id": tokens.eos,
        "pad_token_id": tokens.pad,
        "type": decoder.family.model_type(),
        "vocab_size": decoder.vocab_size,
    });
    if let Some(window) = sliding_window(decoder, num_layers, options.target) {
        model["decoder"]["sliding_window"] = window;
    }
    Ok(model)
}

/// Which layers have caches that may be as short as their window.
fn sliding_window(decoder: &Decoder, num_layers: usize, target: Target) -> Option<Value> {
    let window = decoder.sliding_window.filter(|_| target.has_short_caches())?;
    let layers: Vec<_> = (0..num_layers).filter(|&layer| decoder.window(layer).is_some()).collect();
    Some(json!({
        "window_size": window,
        "slide_key_value_cache": false,
        "slide_inputs": false,
        "layers": layers,
        // Positions kept beyond the window; 0 leaves them to the runtime.
        "cache_slack": 0,
    }))
}

/// The execution provider and its settings; the CPU needs none.
fn provider_options(decoder: &Decoder, target: Target) -> Option<Value> {
    let switch = |is_on| if is_on { "1" } else { "0" };
    let captures = switch(target.captures_graph);
    let checks = if target.captures_graph { "disabled" } else { "basic" };
    let (name, mut options) = match target.provider {
        Provider::Cpu => return None,
        Provider::Cuda => ("cuda", json!({ "enable_cuda_graph": captures })),
        Provider::Dml => ("dml", json!({ "enable_graph_capture": captures })),
        Provider::WebGpu => {
            ("webgpu", json!({ "enableGraphCapture": captures, "validationMode": checks }))
        }
        Provider::NvTensorRtRtx => ("NvTensorRtRtx", json!({ "enable_cuda_graph": captures })),
    };
    // Where the second of two tables of cos and sin begins, for providers that read both as one.
    let offset = match target.provider {
        Provider::WebGpu => Some("multiRotaryCacheConcatOffset"),
        Provider::NvTensorRtRtx => Some("multi_rotary_cache_concat_offset"),
        Provider::Cpu | Provider::Cuda | Provider::Dml => None,
    };
    if let (false, Some(key), Some(long)) = (target.has_if(), offset, long_rope(decoder)) {
        options[key] = long.original_max_positions.to_string().into();
    }
    Some(json!({ name: options }))
}

/// The inputs of the graph by what they are.
fn inputs(options: &BuildOptions) -> Map<String, Value> {
    let tokens = match options.layout.input {
        Input::Tokens => "input_ids",
        Input::Embeddings => "inputs_embeds",
    };
    let has_positions = !options.target.rotates_in_attention();
    let positions = has_positions.then_some(("position_ids", "position_ids"));
    let cache = [
        ("past_key_names", "past_key_values.%d.key"),
        ("past_value_names", "past_key_values.%d.value"),
    ];
    let same = [tokens, "attention_mask"].map(|name| (name, name));
    named(same.into_iter().chain(positions).chain(cache))
}

/// The outputs of the graph that are read, by what they are.
fn outputs(layout: Layout) -> Map<String, Value> {
    let logits = layout.output.has_logits().then_some(("logits", "logits"));
    let cache =
        [("present_key_names", "present.%d.key"), ("present_value_names", "present.%d.value")];
    named(logits.into_iter().chain(cache))
}

fn named(names: impl Iterator<Item = (&'static str, &'static str)>) -> Map<String, Value> {
    names.map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// Settings of generation: those of the pass, then of `generation_config.json`, then of
/// `config.json`.
fn search(
    description: &Description,
    files: &ModelFiles,
    options: &BuildOptions,
) -> Result<Map<String, Value>, BuildError> {
    let generation: Option<Map<String, Value>> = read_json(files, GENERATION_CONFIG)?;
    let generation = generation.unwrap_or_default();
    let config = |key: &str, default: Value| given(&description.config, key).unwrap_or(default);
    let either = |key: &str, default: Value| {
        let generation = given(&generation, key).filter(|value| *value != default);
        generation.unwrap_or_else(|| config(key, default))
    };
    let mut search = Map::new();
    let mut set = |key: &str, value: Value| search.insert(key.to_owned(), value);
    set("diversity_penalty", config("diversity_penalty", 0.0.into()));
    set("do_sample", either("do_sample", false.into()));
    set("early_stopping", true.into());
    set("length_penalty", config("length_penalty", 1.0.into()));
    set("max_length", description.decoder.max_positions.into());
    set("min_length", 0.into());
    set("no_repeat_ngram_size", config("no_repeat_ngram_size", 0.into()));
    set("num_beams", config("num_beams", 1.into()));
    set("num_return_sequences", config("num_return_sequences", 1.into()));
    // Without a graph, nobody knows whether it can.
    set("past_present_share_buffer", (!options.is_config_only).into());
    set("repetition_penalty", config("repetition_penalty", 1.0.into()));
    set("temperature", either("temperature", 1.0.into()));
    set("top_k", either("top_k", 50.into()));
    set("top_p", either("top_p", 1.0.into()));
    search.extend(options.search.clone());
    Ok(search)
}

/// The value under `key`, unless it is null.
fn given(map: &Map<String, Value>, key: &str) -> Option<Value> {
    map.get(key).filter(|value| !value.is_null()).cloned()
}

/// Special tokens, from the configs or else the tokenizer.
struct Tokens {
    bos: u32,
    /// One id or a list of them.
    eos: Value,
    pad: u32,
}

impl Tokens {
    fn resolve(description: &Description, tokenizer: &Tokenizer) -> Result<Self, BuildError> {
        let decoder = &description.decoder;
        let bos = decoder.bos_token_id.or_else(|| tokenizer.special_token_id("bos_token"));
        // The tokenizer's own end ends a turn of a chat, which the configs may not list.
        let turn_end = tokenizer.special_token_id("eos_token");
        let mut eos = decoder.eos_token_ids.clone();
        let Some(first) = eos.first().copied().or(turn_end) else {
            return Err(BuildError::EosMissing(description.dir.clone()));
        };
        let pad = decoder.pad_token_id.or_else(|| tokenizer.special_token_id("pad_token"));
        if let Some(turn_end) = turn_end.filter(|id| !eos.contains(id)) {
            eos.insert(0, turn_end);
        }
        let eos = if let [only] = *eos { only.into() } else { eos.into() };
        Ok(Self { bos: bos.unwrap_or(DEFAULT_BOS), eos, pad: pad.unwrap_or(first) })
    }
}

/// JSON indented by four spaces.
fn indented(value: &Value) -> String {
    let mut text = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    let written = value.serialize(&mut Serializer::with_formatter(&mut text, formatter));
    debug_assert!(written.is_ok(), "a JSON value can be written to memory");
    String::from_utf8_lossy(&text).into_owned()
}
