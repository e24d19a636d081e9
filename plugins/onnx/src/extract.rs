//! The pass `ExtractAdapters`: weights of an adapter out of a graph, into a file of their own.
//!
//! In: a folder with an ONNX model that has an adapter in its graph, such as `ModelBuilder` writes
//! with `adapter_path`, or an exporter of `PyTorch`. Out: the same without these weights, and
//! `adapter_weights.onnx_adapter`, `.npz` or `.safetensors` beside it. By default they are inputs
//! of the graph then, of a rank that is free; left out, the base model answers, so one graph serves
//! many adapters. Otherwise they are external data in that file, for `AddExternalInitializers` of
//! ONNX Runtime to replace.
//!
//! Memory: the weights of the adapter, for `onnx_adapter`; one of them, for the others.

mod names;
mod find;
mod save;
mod inputs;

use std::collections::BTreeMap;

use olive_kit_onnx::proto::TensorProto;
use olive_plugin_api::{LogLevel, Model, ModelKind, Pass, PluginError, StepContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::error::RewriteError;
use crate::numbers::dtype;
use crate::rewrite::Folder;

/// Takes the weights of an adapter out of a graph.
#[derive(Debug, Default)]
pub struct ExtractAdapters;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `ExtractAdapters` pass: weights of an adapter in a file of their own.
    pub struct ExtractAdaptersConfig {
        /// What the adapter is, which says how its weights are called.
        #[serde(default)]
        pub adapter_type: AdapterType,
        /// Whether the weights are inputs of the graph, or else external data in their own file.
        #[serde(default = "olive_kit_onnx::settings::yes")]
        pub make_inputs: bool,
        /// Whether inputs take weights of any rank; those of quantized weights never do.
        #[serde(default = "olive_kit_onnx::settings::yes")]
        pub dynamic_lora_r: bool,
        /// Whether inputs may be left out, so that the base model answers.
        ///
        /// Not so those of quantized weights and of `DoRA`'s magnitudes.
        #[serde(default = "olive_kit_onnx::settings::yes")]
        pub optional_inputs: bool,
        /// Format of the file; `onnx_adapter` is ONNX Runtime's own.
        #[serde(default)]
        #[schemars(extend("x-olive-unavailable-values" = unavailable()))]
        pub save_format: SaveFormat,
    }
}

/// What an adapter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdapterType {
    /// Two matrices, `lora_A` and `lora_B`.
    #[default]
    Lora,
    /// The same with a vector of magnitudes.
    Dora,
    /// Two products of two matrices each, `hada_w1` and `hada_w2`.
    Loha,
}

impl AdapterType {
    const fn name(self) -> &'static str {
        match self {
            Self::Lora => "LoRA",
            Self::Dora => "DoRA",
            Self::Loha => "LoHa",
        }
    }
}

/// Format of a file of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SaveFormat {
    /// `adapter_weights.onnx_adapter`, which ONNX Runtime and GenAI load.
    #[default]
    OnnxAdapter,
    /// `adapter_weights.npz`, an archive of arrays.
    Numpy,
    /// `adapter_weights.safetensors`.
    Safetensors,
}

impl SaveFormat {
    const fn file_name(self) -> &'static str {
        match self {
            Self::OnnxAdapter => "adapter_weights.onnx_adapter",
            Self::Numpy => "adapter_weights.npz",
            Self::Safetensors => "adapter_weights.safetensors",
        }
    }
}

impl Pass for ExtractAdapters {
    type Config = ExtractAdaptersConfig;

    const NAME: &'static str = "ExtractAdapters";
    const SUMMARY: &'static str = "Move an adapter's weights out of an ONNX graph into a file.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn produces() -> ModelKind {
        ModelKind::Onnx
    }

    fn run(
        &self,
        input: &Model,
        config: &ExtractAdaptersConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let mut folder = Folder::open(input)?;
        let file = config.save_format.file_name();
        let [(_, graph)] = &mut folder.graphs[..] else {
            return Err(unfit("the model is in several graphs".to_owned()).into());
        };
        let found = find::find(&mut graph.graph, config.adapter_type);
        if found.is_empty() {
            let kind = config.adapter_type.name();
            ctx.log(LogLevel::Warning, format!("the graph has no weights of a {kind} adapter"));
            return Ok(folder.write(input, Some(&config.policy()), ctx)?);
        }
        if input.model_path.join(file).exists() {
            return Err(unfit(format!("`{file}` is there already")).into());
        }
        if config.save_format == SaveFormat::OnnxAdapter {
            inputs::give_axes(&mut graph.graph, &found);
        }
        let weights: Vec<TensorProto> =
            found.iter().filter_map(|part| graph.weight(&part.name).cloned()).collect();
        let places = save::save(graph, &weights, config.save_format, &ctx.output_dir().join(file))?;
        if config.make_inputs {
            inputs::make(&mut graph.graph, &found, config);
        } else {
            for (weight, place) in weights.iter().zip(places) {
                graph.lend(weight.name(), file, place.start, place.end - place.start);
            }
        }
        let mut model = folder.write(input, Some(&config.policy()), ctx)?;
        describe(&mut model.model_attributes, &weights, config);
        Ok(model)
    }
}

/// Writes down, by Olive's names, which weights the graph takes from where.
fn describe(
    attributes: &mut BTreeMap<String, Value>,
    weights: &[TensorProto],
    config: &ExtractAdaptersConfig,
) {
    let shapes = weights.iter().map(|weight| {
        let kind = format!("{:?}", dtype(weight)).to_lowercase();
        let kind = if kind == "float" { "float32".to_owned() } else { kind };
        (weight.name().to_owned(), json!([weight.dims, kind]))
    });
    let shapes: Map<String, Value> = shapes.collect();
    let name = if config.make_inputs { "constant_inputs" } else { "external_initializers" };
    attributes.insert(name.to_owned(), json!(shapes));
    let file = config.save_format.file_name();
    attributes.insert(format!("{name}_file_name"), json!(file));
}

fn unavailable() -> Map<String, Value> {
    let reason = "it holds Python objects, which only Python reads; write `safetensors` instead";
    Map::from_iter([("pt".to_owned(), json!(reason))])
}

fn unfit(problem: String) -> RewriteError {
    RewriteError::Unfit { edit: "ExtractAdapters", problem }
}
