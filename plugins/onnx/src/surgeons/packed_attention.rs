//! Attention over segments of a sequence as a loop over them.

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{GraphProto, NodeProto};
use olive_kit_onnx::{Attribute, Dim, Model, Node, Patch, each_graph, each_graph_mut, value_info};

use crate::error::RewriteError;
use crate::numbers::{integer, integer_weight};

const EDIT: &str = "PackedAttentionToLoopMHA";

/// Domain of the operator, which exporters of vision models write.
const CUSTOM: &str = "custom";

/// Writes each `PackedAttention` as a `Loop` that does `MultiHeadAttention` segment by segment.
///
/// Queries, keys and values are [batch, heads, length, width], bounds of segments
/// [segments + 1]; what comes out is [batch, length, heads, width]. Nodes, types and casts are
/// those of Olive's surgeon.
pub(super) fn operate(model: &mut Model) -> Result<(), RewriteError> {
    if !model.header.functions.is_empty() {
        return Err(unfit("a model with functions of its own is not rewritten".to_owned()));
    }
    let mut result = Ok(());
    let mut count = 0;
    each_graph_mut(&mut model.graph, &mut |graph| match unroll(graph) {
        Ok(found) => count += found,
        Err(problem) => result = Err(unfit(problem)),
    });
    result?;
    if count > 0 && model.opset(Node::MICROSOFT).is_none() {
        model.header.set_opset(Node::MICROSOFT, 1);
    }
    let mut is_used = false;
    each_graph(&model.graph, &mut |graph| {
        is_used |= graph.node.iter().any(|node| node.domain() == CUSTOM);
    });
    model.header.opset_import.retain(|opset| is_used || opset.domain() != CUSTOM);
    Ok(())
}

/// Rewrites the nodes of `graph` itself, and says how many there were.
fn unroll(graph: &mut GraphProto) -> Result<usize, String> {
    let mut patch = Patch::default();
    let mut count = 0;
    for (index, node) in graph.node.iter().enumerate() {
        if node.op_type() != "PackedAttention" || node.domain() != CUSTOM {
            continue;
        }
        let lacks =
            |name: &str| format!("`PackedAttention` for `{}` lacks `{name}`", node.output_at(0));
        let num_heads = node.int("num_heads").ok_or_else(|| lacks("num_heads"))?;
        let scale = node.float("scale").ok_or_else(|| lacks("scale"))?;
        patch.remove(index);
        for part in (Loop { node, num_heads, scale }).nodes() {
            patch.add(index, part);
        }
        count += 1;
    }
    patch.apply(graph);
    Ok(count)
}

/// What one node becomes. Names of values begin with that of its output, so none is there yet.
struct Loop<'a> {
    node: &'a NodeProto,
    num_heads: i64,
    scale: f32,
}

impl Loop<'_> {
    fn nodes(&self) -> Vec<NodeProto> {
        let [query, key, value, bounds] = [0, 1, 2, 3].map(|place| self.node.input_at(place));
        let heads_last = || vec![0, 2, 1, 3];
        vec![
            self.made("Constant", &[], "to_3d").attribute("value_ints", vec![0, 0, -1]),
            self.of("Transpose", &[query], "query_turned").attribute("perm", heads_last()),
            self.made("Shape", &["query_turned"], "shape"),
            self.made("Reshape", &["query_turned", "to_3d"], "query"),
            self.of("Transpose", &[value], "value_turned").attribute("perm", heads_last()),
            self.made("Reshape", &["value_turned", "to_3d"], "value"),
            self.of("Transpose", &[key], "key_turned").attribute("perm", heads_last()),
            self.made("Reshape", &["key_turned", "to_3d"], "key"),
            self.of("Size", &[bounds], "num_bounds"),
            self.made("Constant", &[], "one").attribute("value", integer("", 1)),
            self.made("CastLike", &["one", "num_bounds"], "one_cast"),
            self.made("Sub", &["num_bounds", "one_cast"], "num_segments"),
            self.made("Constant", &[], "axis").attribute("value_ints", vec![1]),
            self.made("Cast", &["axis"], "axis_int32")
                .attribute("to", i64::from(i32::from(DataType::Int32))),
            self.made("Constant", &[], "zero").attribute("value", integer_weight("", &[0])),
            self.made("CastLike", &["zero", "axis"], "zero_cast"),
            self.made("Slice", &["value", "zero_cast", "zero_cast", "axis"], "nothing"),
            Node::new("Loop", self.name("Loop"))
                .inputs([self.name("num_segments"), String::new(), self.name("nothing")])
                .outputs([self.name("all")])
                .attribute("body", Attribute::Graph(self.body(bounds))),
            Node::new("Reshape", self.name("Reshape"))
                .inputs([self.name("all"), self.name("shape")])
                .outputs([self.node.output_at(0)]),
        ]
        .into_iter()
        .map(Node::into_proto)
        .collect()
    }

    /// One segment: what came before it, with its own attention behind.
    fn body(&self, bounds: &str) -> GraphProto {
        let segment = |whole: &str, part: &str| {
            self.made("Slice", &[whole, "start", "end", "axis_int32"], part)
        };
        let attention = self
            .made("MultiHeadAttention", &["query_part", "key_part", "value_part"], "attention")
            .domain(Node::MICROSOFT)
            .attribute("num_heads", self.num_heads)
            .attribute("scale", self.scale);
        let nodes = vec![
            self.made("Constant", &[], "flat").attribute("value", integer_weight("", &[1])),
            self.made("Reshape", &["index", "flat"], "first"),
            self.made("Constant", &[], "step").attribute("value", integer("", 1)),
            self.made("CastLike", &["step", "first"], "step_cast"),
            self.made("Add", &["first", "step_cast"], "second"),
            self.gather(bounds, "first", "start"),
            self.gather(bounds, "second", "end"),
            segment("query", "query_part"),
            segment("key", "key_part"),
            segment("value", "value_part"),
            attention,
            self.made("Concat", &["before", "attention"], "after").attribute("axis", 1),
            self.made("Identity", &["goes_on"], "still_goes_on"),
        ];
        let untyped = |name: &str| olive_kit_onnx::proto::ValueInfoProto {
            name: Some(self.name(name)),
            ..Default::default()
        };
        let scalar = |name: &str, dtype| value_info(&self.name(name), dtype, Some(&[] as &[Dim]));
        GraphProto {
            name: Some("loop_body".to_owned()),
            node: nodes.into_iter().map(Node::into_proto).collect(),
            input: vec![
                scalar("index", DataType::Int64),
                scalar("goes_on", DataType::Bool),
                untyped("before"),
            ],
            output: vec![untyped("still_goes_on"), untyped("after")],
            ..GraphProto::default()
        }
    }

    fn gather(&self, bounds: &str, place: &str, output: &str) -> Node {
        let node = Node::new("Gather", self.name(output)).attribute("axis", 0);
        node.inputs([bounds.to_owned(), self.name(place)]).outputs([self.name(output)])
    }

    /// A node that takes values of the rewritten part.
    fn made(&self, operator: &str, inputs: &[&str], output: &str) -> Node {
        let node = Node::new(operator, self.name(output));
        node.inputs(inputs.iter().map(|input| self.name(input))).outputs([self.name(output)])
    }

    /// A node that takes values of the graph around it.
    fn of(&self, operator: &str, inputs: &[&str], output: &str) -> Node {
        let node = Node::new(operator, self.name(output));
        node.inputs(inputs.iter().copied()).outputs([self.name(output)])
    }

    fn name(&self, part: &str) -> String {
        format!("{}/{part}", self.node.output_at(0))
    }
}

fn unfit(problem: String) -> RewriteError {
    RewriteError::Unfit { edit: EDIT, problem }
}
