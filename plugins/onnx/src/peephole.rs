//! The pass `OnnxPeepholeOptimizer`: fold constants, and drop nodes that compute nothing.
//!
//! In and out: a folder with an ONNX model. What the new graph computes is the same bit for bit, but
//! for `cast_chain_elimination`, which leaves out a rounding. Constants are folded when they are
//! small and the result is the same bits everywhere: shapes, and what is made of them.

use olive_kit_onnx::{Model as Graph, Node, Patch, Uses, drop_dead_nodes, replace_inputs};
use olive_plugin_api::{Model, ModelKind, Pass, PluginError, StepContext};

use crate::chains::{join_transposes, name_types, shorten};
use crate::equal_weights::merge_equal_weights;
use crate::error::RewriteError;
use crate::fold::fold_constants;
use crate::neutral::drop_neutral;
use crate::numbers::{constant, dtype, integers};
use crate::redundant;
use crate::rewrite::rewrite;
use crate::sequences::write_as_splits;
use crate::shapes::Shapes;

/// Folds constants, and drops nodes that compute nothing.
#[derive(Debug, Default)]
pub struct OnnxPeepholeOptimizer;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `OnnxPeepholeOptimizer` pass: fold constants, drop what computes nothing.
    pub struct OnnxPeepholeOptimizerConfig {
        /// Whether what onnxscript's optimizer drops goes: what is constant, copies, repeats.
        ///
        /// Copies are also casts to the same type and products with 1; repeats are nodes and weights
        /// that are there before. Nodes that nothing takes go too.
        #[serde(default = "olive_kit_onnx::settings::yes")]
        pub onnxscript_optimize: bool,
        /// Whether what onnxoptimizer drops goes: transposes that undo each other or change nothing.
        #[serde(default = "olive_kit_onnx::settings::yes")]
        pub onnxoptimizer_optimize: bool,
        /// Whether a reshape before one that flattens goes.
        #[serde(default = "olive_kit_onnx::settings::yes")]
        pub fuse_reshape_operations: bool,
        /// Whether the model and its functions declare the operators of `com.microsoft`.
        #[serde(default)]
        pub fix_com_microsoft_opset: bool,
        /// Whether casts to another type and back go, with the rounding between.
        #[serde(default)]
        pub cast_chain_elimination: bool,
    }
}

impl Pass for OnnxPeepholeOptimizer {
    type Config = OnnxPeepholeOptimizerConfig;

    const NAME: &'static str = "OnnxPeepholeOptimizer";
    const SUMMARY: &'static str =
        "Fold constants of an ONNX graph, and drop nodes that compute nothing.";
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
        config: &OnnxPeepholeOptimizerConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        Ok(rewrite(input, &config.policy(), ctx, |model| optimize(model, config))?)
    }
}

fn optimize(model: &mut Graph, config: &OnnxPeepholeOptimizerConfig) -> Result<(), RewriteError> {
    if config.onnxscript_optimize {
        simplify(model)?;
        merge_equal_weights(model)?;
        redundant::drop_repeats(model);
    }
    if config.onnxoptimizer_optimize {
        redundant::drop_transposes(model);
        join_transposes(model);
    }
    if config.fuse_reshape_operations {
        fuse_reshapes(model)?;
    }
    if config.fix_com_microsoft_opset {
        declare_microsoft(model);
    }
    if config.cast_chain_elimination {
        shorten_casts(model);
    }
    Ok(())
}

/// Folds constants and drops nodes that give what they take.
///
/// # Errors
/// When a constant cannot be read, or the graph has a circle.
pub(crate) fn simplify(model: &mut Graph) -> Result<(), RewriteError> {
    name_types(model);
    fold_constants(model)?;
    write_as_splits(model)?;
    redundant::drop_copies(model);
    drop_neutral(model)?;
    shorten(model)
}

/// Lets a reshape to `[-1]` take what a reshape before it takes, when it is its only use.
fn fuse_reshapes(model: &mut Graph) -> Result<(), RewriteError> {
    let uses = Uses::of(&model.graph);
    let mut inputs = Vec::new();
    for (index, node) in model.graph.node.iter().enumerate() {
        let before = uses.producer(node.input_at(0)).map(|before| &model.graph.node[before]);
        let Some(before) = before.filter(|before| node.is("Reshape") && before.is("Reshape"))
        else {
            continue;
        };
        let Some(shape) = constant(model, node.input_at(1)) else { continue };
        let is_flat = integers(&model.bytes(shape)?, dtype(shape)) == Some(vec![-1]);
        if is_flat && uses.only_consumer(node.input_at(0)).is_some() {
            inputs.push((index, before.input_at(0).to_owned()));
        }
    }
    if inputs.is_empty() {
        return Ok(());
    }
    // From the first to the last, so that of a row of reshapes all but one go.
    for (index, input) in inputs {
        let old = model.graph.node[index].input_at(0).to_owned();
        replace_inputs(&mut model.graph.node[index], &old, &input);
    }
    drop_dead_nodes(&mut model.graph);
    Ok(())
}

/// Declares version 1 of the operators of `com.microsoft` where no version is declared.
fn declare_microsoft(model: &mut Graph) {
    if model.opset(Node::MICROSOFT).is_none() {
        model.header.set_opset(Node::MICROSOFT, 1);
    }
    for function in &mut model.header.functions {
        if !function.opset_import.iter().any(|opset| opset.domain() == Node::MICROSOFT) {
            function.opset_import.push(olive_kit_onnx::proto::OperatorSetIdProto {
                domain: Some(Node::MICROSOFT.to_owned()),
                version: Some(1),
            });
        }
    }
}

/// Writes a cast of a cast, back to the type it came from, as a copy.
fn shorten_casts(model: &mut Graph) {
    let (uses, shapes) = (Uses::of(&model.graph), Shapes::of(&model.graph));
    let mut patch = Patch::default();
    for (index, node) in model.graph.node.iter().enumerate() {
        let before = uses.producer(node.input_at(0)).map(|before| &model.graph.node[before]);
        let Some(before) = before.filter(|before| node.is("Cast") && before.is("Cast")) else {
            continue;
        };
        let source = shapes.dtype(before.input_at(0)).map(|dtype| i64::from(i32::from(dtype)));
        if source.is_some() && source == node.int("to") {
            let copy = Node::new("Identity", node.name()).inputs([before.input_at(0)]);
            patch.replace(index, copy.outputs([node.output_at(0)]).into_proto());
        }
    }
    if !patch.is_empty() {
        patch.apply(&mut model.graph);
        drop_dead_nodes(&mut model.graph);
    }
}
