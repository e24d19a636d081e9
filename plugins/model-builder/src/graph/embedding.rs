//! The embedding: its own table, or the weight of the layer that makes logits where they are tied.

use olive_kit_checkpoint::{Decoder, PackedLayer};
use olive_kit_onnx::Node;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_quant::{BlockFormat, Rounding};
use olive_kit_weights::WeightSource;

use super::constant::Constant;
use super::linear::{initializer_name, weight_name};
use super::{Planner, Value, hidden_shape, output_of};
use crate::layout::{Input, Layout};
use crate::quantization::{EMBEDDING, LM_HEAD, Quantization};
use crate::weights::{Int4Reader, Matrix, PackedPart, QuantizedNames, Weight, size};

const BASE: &str = "/model/embed_tokens";
/// The embedding's own table.
const TABLE: &str = "model.embed_tokens.weight";

/// Where the vectors of tokens come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// A table of their own, quantized or not.
    Own(Option<BlockFormat>),
    /// The weight of the layer that makes logits, which is stored the other way round.
    TransposedHead,
    /// The same weight, quantized.
    QuantizedHead {
        /// Its grid.
        format: BlockFormat,
        /// How it is rounded.
        rounding: Rounding,
    },
    /// Codes that the checkpoint has.
    Packed {
        /// Their grid.
        format: BlockFormat,
        /// Whether they are those that make logits too.
        is_head: bool,
    },
}

/// The table of an embedding: that of the logits where the model ties them and both are quantized
/// or neither; the checkpoint's where that has codes for it.
pub(crate) fn table(
    source: &dyn WeightSource,
    layout: Layout,
    quantization: Option<&Quantization>,
) -> Table {
    let decoder = &source.description().decoder;
    let is_shared = layout.shares_embedding(decoder);
    if let Some(PackedLayer { format, .. }) = source.packed(Decoder::EMBEDDING_MODULE) {
        let is_head = is_shared && layout.output.has_logits();
        return Table::Packed { format: *format, is_head };
    }
    let quantization = quantization.map(|quantization| quantization.for_embedding(is_shared));
    let is_quantized = quantization.as_ref().is_some_and(Quantization::wants_embedding);
    let of_head =
        quantization.as_ref().and_then(|known| Some((known.grid(LM_HEAD, 0)?, known.rounding)));
    let can_share = is_shared && layout.output.has_logits();
    match of_head {
        Some((format, rounding)) if can_share && is_quantized => {
            Table::QuantizedHead { format, rounding }
        }
        None if can_share && !is_quantized => Table::TransposedHead,
        _ => Table::Own(quantization.as_ref().and_then(Quantization::embedding_grid)),
    }
}

impl Planner<'_> {
    /// The vectors of the tokens: the residual stream before the first layer.
    pub(super) fn embedding(&mut self) -> Value {
        if self.layout.input == Input::Embeddings {
            return self.in_stream(BASE, "inputs_embeds".to_owned());
        }
        let embedding = match table(self.source, self.layout, self.quantization.as_ref()) {
            Table::Own(None) => self.own_table(),
            Table::Own(Some(format)) => self.quantized_table(format),
            Table::TransposedHead => self.transposed_lm_head(),
            Table::QuantizedHead { format, rounding } => self.quantized_lm_head(format, rounding),
            Table::Packed { format, is_head } => self.packed_table(format, is_head),
        };
        let scaled = self.scaled_embedding(BASE, embedding);
        self.in_stream(BASE, scaled)
    }

    fn own_table(&mut self) -> Value {
        let (name, tensor) = (TABLE.to_owned(), Decoder::EMBEDDING.to_owned());
        let output = self.gather(&name);
        self.float_weights.push(Weight::Stored { name, tensor, dtype: self.target.io });
        output
    }

    /// Rows of a quantized table of the embedding's own, dequantized as they are gathered.
    fn quantized_table(&mut self, format: BlockFormat) -> Value {
        let names = QuantizedNames::new(TABLE, format, Rounding::Default);
        let output = output_of(EMBEDDING);
        let shape = hidden_shape(self.decoder.hidden_size);
        self.graph.value(&output, self.io(), Some(&shape));
        let name = format!("{EMBEDDING}_Q{}", format.bits.count());
        let node = Node::new("GatherBlockQuantized", name)
            .domain(Node::MICROSOFT)
            .inputs([names.qweight.as_str(), "input_ids", &names.scales])
            .inputs(names.zero_points.as_deref())
            .outputs([&output])
            .attribute("gather_axis", 0)
            .attribute("quantize_axis", 1)
            .attribute("block_size", size(format.block_size));
        self.graph.node(node);
        let (rows, width) = (self.decoder.vocab_size, self.decoder.hidden_size);
        let matrix = Matrix::stored(Decoder::EMBEDDING, rows, width);
        let (reader, dtype) = (Int4Reader::Gather, self.target.io);
        self.quantized_weights.push((0, Weight::Int4 { names, matrix, format, reader, dtype }));
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
    fn quantized_lm_head(&mut self, format: BlockFormat, rounding: Rounding) -> Value {
        let names = QuantizedNames::new(&weight_name(LM_HEAD), format, rounding);
        self.gather_blocks(&names, format)
    }

    /// Rows of codes as they are stored: those of the product that makes logits, or of their own.
    fn packed_table(&mut self, format: BlockFormat, is_head: bool) -> Value {
        let reader = if is_head {
            format!("{LM_HEAD}NBits")
        } else {
            format!("{BASE}/GatherBlockQuantized")
        };
        let base = initializer_name(&reader);
        let linear = self.decoder.embedding_table();
        if let Some(layer) = self.source.packed(&linear.name).filter(|_| !is_head).cloned() {
            let (name, dtype) = (base.clone(), self.target.io);
            let parts = vec![PackedPart { rows: 0..linear.out_features, linear }];
            self.float_weights.push(Weight::Packed { name, parts, layer, dtype });
        }
        let zero_points = (!format.is_symmetric).then(|| format!("{base}.qzeros"));
        let (qweight, scales) = (format!("{base}.qweight"), format!("{base}.scales"));
        self.gather_blocks(&QuantizedNames { qweight, scales, zero_points }, format)
    }

    /// Rows of codes that lie as `MatMulNBits` wants them.
    fn gather_blocks(&mut self, names: &QuantizedNames, format: BlockFormat) -> Value {
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
