//! The pass `DynamicToFixedShape`: numbers for dimensions that have names.
//!
//! In and out: a folder with an ONNX model. A name gets its number wherever it stands: in inputs,
//! outputs and the values between. Outputs of names that follow from others (such as a sum) keep
//! them; ONNX Runtime finds their sizes.

use olive_kit_onnx::proto::tensor_shape_proto::dimension::Value;
use olive_kit_onnx::proto::{GraphProto, TensorShapeProto};
use olive_kit_onnx::{Model as Graph, each_graph_mut};
use olive_plugin_api::{Diagnostic, Model, ModelKind, Pass, PluginError, StepContext};

use crate::error::RewriteError;
use crate::rewrite::rewrite;

/// Gives numbers to dimensions that have names.
#[derive(Debug, Default)]
pub struct DynamicToFixedShape;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `DynamicToFixedShape` pass: numbers for dimensions that have names.
    ///
    /// Either `dim_param` with `dim_value`, or `input_name` with `input_shape`.
    pub struct DynamicToFixedShapeConfig {
        /// Names of dimensions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub dim_param: Option<Vec<String>>,
        /// Their sizes, one for each of `dim_param`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub dim_value: Option<Vec<u32>>,
        /// Names of inputs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub input_name: Option<Vec<String>>,
        /// Their shapes, one for each of `input_name`; sizes are at least 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub input_shape: Option<Vec<Vec<std::num::NonZeroU32>>>,
    }
}

impl Pass for DynamicToFixedShape {
    type Config = DynamicToFixedShapeConfig;

    const NAME: &'static str = "DynamicToFixedShape";
    const SUMMARY: &'static str = "Give numbers to dimensions of an ONNX graph that have names.";
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
        config: &DynamicToFixedShapeConfig,
        _ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        Ok(problems(config))
    }

    fn run(
        &self,
        input: &Model,
        config: &DynamicToFixedShapeConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        Ok(rewrite(input, &config.policy(), ctx, |model| fix(model, config))?)
    }
}

/// What of the settings does not belong together.
fn problems(config: &DynamicToFixedShapeConfig) -> Vec<Diagnostic> {
    let length = |list: Option<usize>| list.unwrap_or(0);
    let params = length(config.dim_param.as_ref().map(Vec::len));
    let values = length(config.dim_value.as_ref().map(Vec::len));
    let names = length(config.input_name.as_ref().map(Vec::len));
    let shapes = length(config.input_shape.as_ref().map(Vec::len));
    let mut found = Vec::new();
    let mut problem = |pointer: &str, message: String| {
        found.push(Diagnostic::error("does-not-fit", pointer, message));
    };
    if params > 0 && names > 0 {
        problem("/input_name", "set `dim_param` or `input_name`, not both".to_owned());
    }
    if params == 0 && names == 0 {
        problem("", "set `dim_param` or `input_name`".to_owned());
    }
    if params != values {
        problem("/dim_value", format!("{values} sizes for {params} names of dimensions"));
    }
    if names != shapes {
        problem("/input_shape", format!("{shapes} shapes for {names} inputs"));
    }
    found
}

fn fix(model: &mut Graph, config: &DynamicToFixedShapeConfig) -> Result<(), RewriteError> {
    let params = config.dim_param.iter().flatten();
    for (name, &size) in params.zip(config.dim_value.iter().flatten()) {
        fix_name(&mut model.graph, name, size.into());
    }
    let names = config.input_name.iter().flatten();
    for (name, shape) in names.zip(config.input_shape.iter().flatten()) {
        let shape: Vec<i64> = shape.iter().map(|size| size.get().into()).collect();
        fix_input(&mut model.graph, name, &shape)?;
    }
    Ok(())
}

/// Gives the dimension `name` the size `size` wherever it stands.
fn fix_name(graph: &mut GraphProto, name: &str, size: i64) {
    each_shape(graph, |shape| {
        for dim in &mut shape.dim {
            if matches!(&dim.value, Some(Value::DimParam(found)) if found == name) {
                dim.value = Some(Value::DimValue(size));
            }
        }
    });
}

/// Gives the input `name` the sizes `sizes`, and names of its dimensions theirs everywhere.
fn fix_input(graph: &mut GraphProto, name: &str, sizes: &[i64]) -> Result<(), RewriteError> {
    // Sizes below 1 are a converter's way to say that there is none.
    each_shape(graph, |shape| {
        for dim in &mut shape.dim {
            if matches!(dim.value, Some(Value::DimValue(size)) if size < 1) {
                dim.value = None;
            }
        }
    });
    let input = graph.input.iter().find(|input| input.name() == name);
    let input = input.ok_or_else(|| unfit(format!("there is no input `{name}`")))?;
    let shape = input.shape().ok_or_else(|| unfit(format!("input `{name}` has no shape")))?.clone();
    if shape.dim.len() != sizes.len() {
        let (rank, given) = (shape.dim.len(), sizes.len());
        return Err(unfit(format!("input `{name}` has {rank} dimensions, not {given}")));
    }
    for (index, (dim, &size)) in shape.dim.iter().zip(sizes).enumerate() {
        match &dim.value {
            Some(Value::DimValue(found)) if *found != size => {
                let problem = format!("dimension {index} of input `{name}` is {found}, not {size}");
                return Err(unfit(problem));
            }
            Some(Value::DimValue(_)) => {}
            Some(Value::DimParam(param)) if !param.is_empty() => fix_name(graph, param, size),
            _ => set_dim(graph, name, index, size),
        }
    }
    Ok(())
}

fn set_dim(graph: &mut GraphProto, input: &str, index: usize, size: i64) {
    let mut inputs = graph.input.iter_mut().filter(|known| known.name() == input);
    let shape = inputs.next().and_then(|input| input.tensor_mut()?.shape.as_mut());
    if let Some(dim) = shape.and_then(|shape| shape.dim.get_mut(index)) {
        dim.value = Some(Value::DimValue(size));
    }
}

fn each_shape(graph: &mut GraphProto, mut change: impl FnMut(&mut TensorShapeProto)) {
    each_graph_mut(graph, &mut |graph| {
        let values = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
        let shapes = values.filter_map(|value| value.tensor_mut()?.shape.as_mut());
        shapes.for_each(&mut change);
    });
}

fn unfit(problem: String) -> RewriteError {
    RewriteError::Unfit { edit: "DynamicToFixedShape", problem }
}
