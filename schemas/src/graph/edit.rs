//! What a graph pass wants changed.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Attribute, TensorView, ValueView};

/// One change of a model, applied in the order of the answer.
///
/// `graph` and `node` are numbers of the [`GraphView`](super::GraphView); `graph` is the main one
/// when it is left out. Nodes are put in an order in which they can run once all edits are done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "edit", rename_all = "snake_case", deny_unknown_fields)]
pub enum GraphEdit {
    /// Adds a node.
    AddNode {
        /// The graph.
        #[serde(default, skip_serializing_if = "is_main")]
        graph: u32,
        /// The node.
        node: NewNode,
    },
    /// Takes a node out, with the graphs inside it.
    RemoveNode {
        /// The node.
        node: u32,
    },
    /// Gives a node another name or operator.
    SetNode {
        /// The node.
        node: u32,
        /// Its new name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Its new operator.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        op_type: Option<String>,
        /// Domain of its new operator.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        domain: Option<String>,
    },
    /// Gives a node other inputs.
    SetInputs {
        /// The node.
        node: u32,
        /// All its inputs.
        inputs: Vec<String>,
    },
    /// Gives a node other outputs.
    SetOutputs {
        /// The node.
        node: u32,
        /// All its outputs.
        outputs: Vec<String>,
    },
    /// Gives a node an attribute, in place of one of that name.
    SetAttribute {
        /// The node.
        node: u32,
        /// Name of the attribute.
        name: String,
        /// Its value.
        value: Attribute,
    },
    /// Takes an attribute from a node.
    RemoveAttribute {
        /// The node.
        node: u32,
        /// Name of the attribute.
        name: String,
    },
    /// Gives a value another name wherever it is made, taken or described; an initializer is a
    /// value too.
    RenameValue {
        /// The graph that makes it.
        #[serde(default, skip_serializing_if = "is_main")]
        graph: u32,
        /// Its name.
        from: String,
        /// Its new name.
        to: String,
    },
    /// Lets everything that takes one value take another, outputs of the graph included.
    ReplaceUses {
        /// The graph that makes both.
        #[serde(default, skip_serializing_if = "is_main")]
        graph: u32,
        /// The value that was taken.
        from: String,
        /// The value to take.
        to: String,
    },
    /// Adds an input at the end.
    AddInput {
        /// The graph.
        #[serde(default, skip_serializing_if = "is_main")]
        graph: u32,
        /// The input, with its dtype.
        value: ValueView,
    },
    /// Takes an input out.
    RemoveInput {
        /// The graph.
        #[serde(default, skip_serializing_if = "is_main")]
        graph: u32,
        /// Its name.
        name: String,
    },
    /// Adds an output at the end.
    AddOutput {
        /// The graph.
        #[serde(default, skip_serializing_if = "is_main")]
        graph: u32,
        /// The output.
        value: ValueView,
    },
    /// Takes an output out.
    RemoveOutput {
        /// The graph.
        #[serde(default, skip_serializing_if = "is_main")]
        graph: u32,
        /// Its name.
        name: String,
    },
    /// Describes an input, an output or a value between nodes anew.
    SetValue {
        /// The graph.
        #[serde(default, skip_serializing_if = "is_main")]
        graph: u32,
        /// The description.
        value: ValueView,
    },
    /// Adds an initializer, or replaces one.
    SetWeight {
        /// The graph.
        #[serde(default, skip_serializing_if = "is_main")]
        graph: u32,
        /// The initializer, with its name and values.
        weight: TensorView,
    },
    /// Takes an initializer out.
    RemoveWeight {
        /// The graph.
        #[serde(default, skip_serializing_if = "is_main")]
        graph: u32,
        /// Its name.
        name: String,
    },
    /// Takes out nodes whose outputs nothing takes, and initializers that nothing takes, from all
    /// graphs.
    RemoveUnused,
    /// Sets the version of an operator set.
    SetOpset {
        /// Its domain; empty for ONNX's own operators.
        #[serde(default)]
        domain: String,
        /// Its version; none takes it out.
        version: Option<i64>,
    },
    /// Sets metadata of the model.
    SetMetadata {
        /// The key.
        key: String,
        /// The value; none takes it out.
        value: Option<String>,
    },
}

/// Config of a step that edits a graph.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GraphEdits {
    /// What to change, in order.
    pub edits: Vec<GraphEdit>,
}

/// A node to add.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNode {
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Operator.
    pub op_type: String,
    /// Domain of the operator; empty for ONNX's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub domain: String,
    /// Values it takes.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// Values it makes.
    #[serde(default)]
    pub outputs: Vec<String>,
    /// Attributes by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub attributes: IndexMap<String, Attribute>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_main(graph: &u32) -> bool {
    *graph == 0
}
