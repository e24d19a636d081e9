//! The embedding: its own table, or the weight of the layer that makes logits where they are tied.

use olive_kit_checkpoint::Decoder;
use olive_kit_onnx::Node;
use olive_kit_onnx::proto::tensor_proto::DataType;

use super::constant::Constant;
use super::linear::{LM_HEAD, weight_name};
use super::{Planner, Value, hidden_shape};
use crate::options::Quantization;
use crate::weights::{QuantizedNames, Weight, size};

const BASE: &str = "/model/embed_tokens";

impl Planner<'_> {
    /// The vectors of the tokens: the residual stream before the first layer.
    pub(super) fn embedding(&mut self) -> Value {
        match (self.decoder.ties_embeddings, self.quantization) {
            (false, _) => self.own_table(),
            (true, None) => self.transposed_lm_head(),
            (true, Some(quantization)) => self.quantized_lm_head(quantization),
        }
    }

    fn own_table(&mut self) -> Value {
        let name = "model.embed_tokens.weight".to_owned();
        let output = self.gather(&name);
        let (tensor, dtype) = (Decoder::EMBEDDING.to_owned(), self.target.io);
        self.float_weights.push(Weight::Stored { name, tensor, dtype });
        output
    }

    fn transposed_lm_head(&mut self) -> Value {
        let name = format!("{BASE}/Transpose");
        let shape = [self.decoder.vocab_size, self.decoder.hidden_size].map(|dim| size(dim).into());
        let node = Node::new("Transpose", &name).inputs([weight_name(LM_HEAD)]);
        let node = node.attribute("perm", vec![1, 0]);
        let table = self.node(node, &name, self.io(), Some(&shape));
        self.gather(&table)
    }

    fn gather(&mut self, table: &str) -> Value {
        let name = format!("{BASE}/Gather");
        let shape = hidden_shape(self.decoder.hidden_size);
        let node = Node::new("Gather", &name).inputs([table, "input_ids"]);
        self.node(node, &name, self.io(), Some(&shape))
    }

    /// Rows of the quantized matrix, dequantized as they are gathered.
    fn quantized_lm_head(&mut self, quantization: Quantization) -> Value {
        let format = quantization.lm_head();
        let weight = weight_name(LM_HEAD);
        let names = QuantizedNames::new(&weight, format, quantization.rounding());
        let padded_width = format.blocks(self.decoder.hidden_size) * format.block_size;
        let table = self.flattened(&names.qweight, padded_width * format.bits.count() / 8);
        let name = format!("{BASE}/GatherBlockQuantized");
        let node = Node::new("GatherBlockQuantized", &name)
            .domain(Node::MICROSOFT)
            .inputs([table.as_str(), "input_ids", &names.scales])
            .inputs(names.zero_points.as_deref())
            .attribute("bits", size(format.bits.count()))
            .attribute("block_size", size(format.block_size))
            .attribute("gather_axis", 0)
            .attribute("quantize_axis", 1);
        let shape = hidden_shape(padded_width);
        let rows = self.node(node, &name, self.io(), Some(&shape));
        if padded_width == self.decoder.hidden_size { rows } else { self.without_padding(rows) }
    }

    /// The codes as a matrix with one row a token.
    fn flattened(&mut self, qweight: &str, row_bytes: usize) -> Value {
        let dims = [size(self.decoder.vocab_size), size(row_bytes)];
        let target = self.constant(&Constant::List(dims.to_vec()));
        let name = format!("{BASE}/Reshape");
        let node = Node::new("Reshape", &name).inputs([qweight, &target]);
        self.node(node, &name, DataType::Uint8, Some(&dims.map(Into::into)))
    }

    fn without_padding(&mut self, rows: Value) -> Value {
        let [start, end, axis] = [0, size(self.decoder.hidden_size), -1]
            .map(|value| self.constant(&Constant::List(vec![value])));
        let name = format!("{BASE}/Slice");
        let shape = hidden_shape(self.decoder.hidden_size);
        let node = Node::new("Slice", &name).inputs([rows, start, end, axis]);
        self.node(node, &name, self.io(), Some(&shape))
    }
}
