//! Adapters in 4 bits: what the graph computes is what its codes say, but for activations of 8 bits.
//!
//! At accuracy level 4, the default on processors, ONNX Runtime rounds what goes into a product with
//! a constant quantized matrix to 8 bits, 32 numbers at a time. A matrix that is an input, as
//! `ExtractAdapters` makes those of adapters, takes what comes as it is, whatever the level.

use std::path::Path;

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{ModelProto, NodeProto};
use olive_kit_onnx::{Dim, Node, raw_tensor, read_model, tensor_bytes, value_info, write_model};
use olive_kit_testing::{Tensors, fixture};
use serde_json::json;

use crate::reference::graph;
use crate::runtime::{has_library, logits};
use crate::support::built;

/// Tokens of the first text of the fixtures.
const TOKENS: usize = 24;
/// Largest difference of logits in 32-bit float: sums run in another order.
const SUMS: f32 = 1e-5;
/// The same with activations of 8 bits, which are off by up to 0.4 % of the largest of a block, in
/// each of the products that follow each other in two layers: share of the largest logit.
const EIGHT_BITS: f32 = 0.04;

#[test]
fn adapters_in_four_bits_compute_what_their_codes_say() {
    if !has_library() {
        return;
    }
    for model in ["tiny-phi3", "tiny-llama"] {
        let extra = json!({ "adapter_path": fixture(model).join("adapter") });
        let folder = built(model, &json!({"precision": "int4", "extra_options": extra}));
        let path = folder.path().join("model.onnx");
        let as_built = read_model(&path).unwrap();
        let tokens = Tensors::open(fixture(model).join("ref.safetensors")).tokens("input_ids");
        let logits = |model: &ModelProto| {
            write_model(model, &path).unwrap();
            logits(folder.path(), &tokens[..TOKENS])
        };
        let codes = logits(&dequantized(as_built.clone(), folder.path()));
        let largest = codes.iter().fold(0.0_f32, |most, logit| most.max(logit.abs()));
        let exact = with_exact(as_built.clone(), "");
        let is_near = |found: &[f32], expected: &[f32], limit: f32| {
            let off = difference(found, expected);
            assert!(off <= limit * largest, "{model}: {off} of {largest}");
        };
        is_near(&logits(&exact), &codes, SUMS);
        is_near(&logits(&with_inputs(exact)), &codes, SUMS);
        is_near(&logits(&as_built), &codes, EIGHT_BITS);
        let as_inputs = logits(&with_inputs(as_built.clone()));
        is_near(&as_inputs, &codes, EIGHT_BITS);
        let beside = logits(&with_exact(as_built, "lora_"));
        assert_eq!(as_inputs, beside, "{model}");
        assert!(difference(&as_inputs, &codes) > SUMS * largest, "{model}");
    }
}

/// The model with activations as they are in products whose names hold `part`.
fn with_exact(mut model: ModelProto, part: &str) -> ModelProto {
    let products = graph(&mut model).node.iter_mut().filter(|node| is_quantized(node));
    for node in products.filter(|node| node.name().contains(part)) {
        node.attribute.retain(|attribute| attribute.name() != "accuracy_level");
    }
    model
}

/// The model with the matrices of its adapter as inputs that may be left out.
fn with_inputs(mut model: ModelProto) -> ModelProto {
    let graph = graph(&mut model);
    for weight in graph.initializer.iter().filter(|weight| weight.name().contains("lora_")) {
        let dtype = DataType::try_from(weight.data_type()).unwrap();
        let shape: Vec<Dim> = weight.dims.iter().map(|&size| size.into()).collect();
        graph.input.push(value_info(weight.name(), dtype, Some(&shape)));
    }
    model
}

/// The model with a matrix of floats in the place of each one of codes.
fn dequantized(mut model: ModelProto, folder: &Path) -> ModelProto {
    let graph = graph(&mut model);
    let weights = graph.initializer.clone();
    let bytes = |name: &str| {
        let weight = weights.iter().find(|weight| weight.name() == name).unwrap();
        tensor_bytes(weight, folder).unwrap()
    };
    for node in graph.node.iter_mut().filter(|node| is_quantized(node)) {
        // Without a zero point, codes stand for -8 to 7.
        assert_eq!((node.input.len(), node.int("bits")), (3, Some(4)));
        let size = |name: &str| usize::try_from(node.int(name).unwrap()).unwrap();
        let (columns, rows, block) = (size("K"), size("N"), size("block_size"));
        let (codes, scales) = (bytes(node.input_at(1)), bytes(node.input_at(2)));
        let (scales, _) = scales.as_chunks();
        let blocks = columns.div_ceil(block);
        let value = |row: usize, column: usize| {
            let place = row * blocks * block + column;
            let code = (codes[place / 2] >> (place % 2 * 4)) & 15;
            (f32::from(code) - 8.0) * f32::from_le_bytes(scales[row * blocks + column / block])
        };
        let value = &value;
        let values = (0..columns).flat_map(|column| (0..rows).map(move |row| value(row, column)));
        let values = values.flat_map(f32::to_le_bytes).collect();
        let name = format!("{}.float", node.input_at(1));
        let dims = [columns, rows].map(|size| i64::try_from(size).unwrap());
        graph.initializer.push(raw_tensor(&name, DataType::Float, &dims, values));
        let product = Node::new("MatMul", node.name()).inputs([node.input_at(0), &name]);
        *node = product.outputs([node.output_at(0)]).into_proto();
    }
    model
}

fn is_quantized(node: &NodeProto) -> bool {
    node.op_type() == "MatMulNBits"
}

fn difference(found: &[f32], expected: &[f32]) -> f32 {
    let pairs = found.iter().zip(expected);
    pairs.fold(0.0, |most, (one, other)| most.max((one - other).abs()))
}
