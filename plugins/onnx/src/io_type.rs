//! The pass `OnnxIODataTypeConverter`: another element type for inputs and outputs.
//!
//! In and out: a folder with an ONNX model. The graph inside stays; casts stand at its ends.

use fancy_regex::Regex;
use olive_kit_onnx::proto::GraphProto;
use olive_kit_onnx::{Model as Graph, Node, replace_inputs};
use olive_plugin_api::{Diagnostic, Model, ModelKind, Pass, PluginError, StepContext};

use crate::error::RewriteError;
use crate::rewrite::rewrite_places;

/// Gives inputs and outputs another element type.
#[derive(Debug, Default)]
pub struct OnnxIODataTypeConverter;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `OnnxIODataTypeConverter` pass: another type for inputs and outputs.
    pub struct OnnxIODataTypeConverterConfig {
        /// Regular expression that occurs in names of inputs and outputs; all when it is empty.
        #[serde(default = "logits")]
        pub name_pattern: String,
        /// Number of the type they have, as ONNX numbers types; 10 is 16-bit float.
        #[serde(default = "half")]
        #[schemars(range(min = 1, max = 26))]
        pub source_dtype: i32,
        /// Number of the type they get, as ONNX numbers types; 1 is 32-bit float.
        #[serde(default = "single")]
        #[schemars(range(min = 1, max = 26))]
        pub target_dtype: i32,
    }
}

impl Pass for OnnxIODataTypeConverter {
    type Config = OnnxIODataTypeConverterConfig;

    const NAME: &'static str = "OnnxIODataTypeConverter";
    const SUMMARY: &'static str = "Give inputs and outputs of an ONNX graph another element type.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn produces() -> ModelKind {
        ModelKind::Onnx
    }

    fn prepare(
        &self,
        _input: &Model,
        config: &OnnxIODataTypeConverterConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let problem = Regex::new(&config.name_pattern).err().map(|error| {
            let message = format!("`{}` is no regular expression: {error}", config.name_pattern);
            Diagnostic::error("pattern", "/name_pattern", message)
        });
        Ok(problem.into_iter().collect())
    }

    fn run(
        &self,
        input: &Model,
        config: &OnnxIODataTypeConverterConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let none = "no input or output is of the type and name that are to be converted";
        Ok(rewrite_places(input, &config.policy(), ctx, none, |model| convert(model, config))?)
    }
}

/// Converts the ends that match, and says how many there were.
fn convert(
    model: &mut Graph,
    config: &OnnxIODataTypeConverterConfig,
) -> Result<usize, RewriteError> {
    let pattern = Regex::new(&config.name_pattern).map_err(|error| RewriteError::Unfit {
        edit: "OnnxIODataTypeConverter",
        problem: error.to_string(),
    })?;
    let (source, target) = (config.source_dtype, config.target_dtype);
    let is_meant = |name: &str| pattern.is_match(name).unwrap_or(false);
    let graph = &mut model.graph;
    let mut count = 0;
    for index in 0..graph.input.len() {
        let input = &mut graph.input[index];
        let name = input.name().to_owned();
        let tensor = input.tensor_mut().filter(|tensor| tensor.elem_type() == source);
        let Some(tensor) = tensor.filter(|_| is_meant(&name)) else { continue };
        tensor.elem_type = Some(target);
        cast_input(graph, &name, source);
        count += 1;
    }
    for index in 0..graph.output.len() {
        let output = &mut graph.output[index];
        let name = output.name().to_owned();
        let tensor = output.tensor_mut().filter(|tensor| tensor.elem_type() == source);
        let Some(tensor) = tensor.filter(|_| is_meant(&name)) else { continue };
        tensor.elem_type = Some(target);
        cast_output(graph, &name, target);
        count += 1;
    }
    Ok(count)
}

/// Lets nodes take the input `name` cast to `dtype`.
fn cast_input(graph: &mut GraphProto, name: &str, dtype: i32) {
    let inside = format!("{name}_converted");
    graph.node.iter_mut().for_each(|node| replace_inputs(node, name, &inside));
    graph.node.insert(0, cast(name, &inside, dtype));
}

/// Makes the output `name` a cast to `dtype` of what it was.
fn cast_output(graph: &mut GraphProto, name: &str, dtype: i32) {
    let inside = format!("{name}_converted");
    for node in &mut graph.node {
        replace_inputs(node, name, &inside);
        for output in node.output.iter_mut().filter(|output| *output == name) {
            output.clone_from(&inside);
        }
    }
    graph.node.push(cast(&inside, name, dtype));
}

fn cast(from: &str, to: &str, dtype: i32) -> olive_kit_onnx::proto::NodeProto {
    let node = Node::new("Cast", format!("{to}_Cast")).inputs([from]).outputs([to]);
    node.attribute("to", i64::from(dtype)).into_proto()
}

fn logits() -> String {
    "logits".to_owned()
}

const fn half() -> i32 {
    10
}

const fn single() -> i32 {
    1
}
