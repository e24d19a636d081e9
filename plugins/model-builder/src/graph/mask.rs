//! What attention and rotation ask for of the mask and the positions.

use olive_kit_onnx::Node;
use olive_kit_onnx::proto::tensor_proto::DataType;

use super::constant::Constant;
use super::{Planner, Value, output_of};
use crate::weights::size;

/// The input that holds the position of each token.
pub(super) const POSITIONS: &str = "position_ids";

const BASE: &str = "/model/attn_mask_reformat/attn_mask_subgraph";

impl Planner<'_> {
    /// Lengths that attention asks for, from the mask: of each past and present row minus one, and
    /// of the whole.
    pub(super) fn mask_lengths(&mut self) {
        if self.target.sums_lengths() {
            return self.mask_lengths_by_sums();
        }
        let one = self.constant(&Constant::List(vec![1]));
        let name = format!("{BASE}/ReduceSum");
        let sum = Node::new("ReduceSum", &name).inputs(["attention_mask", &one]);
        let rows = ["batch_size".into()];
        let sum = self.node(sum.attribute("keepdims", 0), &name, DataType::Int64, Some(&rows));
        let name = format!("{BASE}/Sub");
        let last = Node::new("Sub", &name).inputs([sum, one]);
        let last = self.node(last, &name, DataType::Int64, Some(&rows));
        self.cast(&format!("{BASE}/Sub/Cast"), &last, DataType::Int32, Some(&rows));
        let total = self.total_length();
        self.cast(&format!("{BASE}/Gather/Cast"), &total, DataType::Int32, None);
    }

    /// The same without operators that run on the processor, which a recording cannot hold.
    fn mask_lengths_by_sums(&mut self) {
        let rows = ["batch_size".into()];
        let mask = ["batch_size".into(), "total_sequence_length".into()];
        let name = format!("{BASE}/Cast");
        let short = self.cast(&name, "attention_mask", DataType::Int32, Some(&mask));
        let axis = self.constant(&Constant::List(vec![1]));
        let name = format!("{BASE}/ReduceSum");
        let sum = Node::new("ReduceSum", &name).inputs([short, axis]).attribute("keepdims", 0);
        let sum = self.node(sum, &name, DataType::Int32, Some(&rows));
        let one = self.constant(&Constant::ShortList(vec![1]));
        let name = format!("{BASE}/Sub");
        let last = Node::new("Sub", &name).inputs([sum.as_str(), &one]);
        self.node(last, &name, DataType::Int32, Some(&rows));
        let name = format!("{BASE}/ReduceMax");
        let longest = Node::new("ReduceMax", &name).inputs([sum]).attribute("keepdims", 0);
        self.node(longest, &name, DataType::Int32, Some(&[]));
    }

    /// Length of each row, minus one, as `GroupQueryAttention` wants it.
    pub(super) fn last_positions(&self) -> Value {
        let tail = if self.target.sums_lengths() { "Sub" } else { "Sub/Cast" };
        output_of(&format!("{BASE}/{tail}"))
    }

    /// Length of past and present together, as `GroupQueryAttention` wants it.
    pub(super) fn longest(&self) -> Value {
        let tail = if self.target.sums_lengths() { "ReduceMax" } else { "Gather/Cast" };
        output_of(&format!("{BASE}/{tail}"))
    }

    /// Length of past and present together: the width of the mask.
    pub(super) fn total_length(&mut self) -> Value {
        let name = format!("{BASE}/Gather");
        if self.graph.has_node(&name) {
            return output_of(&name);
        }
        let shape_name = format!("{BASE}/Shape");
        let shape = Node::new("Shape", &shape_name).inputs(["attention_mask"]);
        let shape = self.node(shape, &shape_name, DataType::Int64, Some(&[2.into()]));
        let one = self.constant(&Constant::Scalar(1));
        let gather = Node::new("Gather", &name).inputs([shape, one]).attribute("axis", 0);
        self.node(gather, &name, DataType::Int64, Some(&[]))
    }

    /// Adds the rows where the second of two tables begins to the positions, once one of them is
    /// beyond the first.
    pub(super) fn positions_in_two_tables(&mut self, first_rows: usize) {
        let base = "/model/pos_ids_reformat";
        let name = format!("{base}/ReduceMax");
        let last = Node::new("ReduceMax", &name).inputs([POSITIONS]).attribute("keepdims", 0);
        let last = self.node(last, &name, DataType::Int64, Some(&[1.into()]));
        let limit = self.constant(&Constant::Scalar(size(first_rows)));
        let name = format!("{base}/GreaterOrEqual");
        let is_long = Node::new("GreaterOrEqual", &name).inputs([last.as_str(), &limit]);
        let is_long = self.node(is_long, &name, DataType::Bool, Some(&[]));
        let is_long = self.cast(&format!("{base}/Cast"), &is_long, DataType::Int64, None);
        let name = format!("{base}/Mul");
        let offset = Node::new("Mul", &name).inputs([is_long, limit]);
        let offset = self.node(offset, &name, DataType::Int64, None);
        let node = Node::new("Add", SHIFTED).inputs([offset.as_str(), POSITIONS]);
        let tokens = ["batch_size".into(), "sequence_length".into()];
        self.node(node, SHIFTED, DataType::Int64, Some(&tokens));
    }

    /// The row of the tables of cos and sin for each token.
    pub(super) fn table_rows(&self) -> Value {
        let is_shifted = self.graph.has_node(SHIFTED);
        if is_shifted { output_of(SHIFTED) } else { POSITIONS.to_owned() }
    }
}

/// The node that says in which row of two tables each token finds its position.
const SHIFTED: &str = "/model/pos_ids_reformat/Add_1";
