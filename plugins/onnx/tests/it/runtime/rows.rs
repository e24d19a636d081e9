//! Each pass with settings on a graph, and how near its result must be to the original.

use olive_kit_testing::graphs::{Outputs, Sizes};
use serde_json::{Value, json};

/// A pass with its settings on a graph.
pub(super) struct Row {
    pub(super) graph: &'static str,
    /// Surgeries that make the graph one that can be run.
    pub(super) before: Value,
    pub(super) pass: &'static str,
    pub(super) config: Value,
    pub(super) sizes: Sizes,
    pub(super) agreement: Agreement,
}

/// How near the result must be.
#[derive(Clone, Copy)]
pub(super) enum Agreement {
    /// The same bits.
    Exact,
    /// Numbers that differ by at most this share of the largest.
    Within(f64),
    /// What the pass says that it changes; gives what is wrong.
    Says(fn(&Outputs, &Outputs) -> Option<String>),
}

use Agreement::{Exact, Says, Within};

/// Sums of the same numbers in another order.
const SUMS: Agreement = Within(1e-6);

/// Norms without what keeps the root away from 0.
const NORMS: Agreement = Within(1e-4);

/// Numbers of 16 bits, through some layers.
const HALF: Agreement = Within(5e-3);

/// Weights of 8 bits.
const EIGHT_BITS: Agreement = Within(2e-2);

/// Weights of 8 bits, through some layers of random numbers.
const EIGHT_BITS_OF_LAYERS: Agreement = Within(5e-2);

/// Weights of 7 bits and activations of 8.
const SEVEN_BITS: Agreement = Within(4e-2);

/// Weights of 7 bits and activations of 8, through some layers of random numbers.
const SEVEN_BITS_OF_LAYERS: Agreement = Within(0.2);

/// Weights of 4 bits, of random numbers.
const FOUR_BITS: Agreement = Within(0.2);

impl Row {
    /// The pass with its settings.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.pass, self.config)
    }

    /// Names of the pass and of the surgeons it runs.
    pub(super) fn names(&self) -> Vec<String> {
        let lists = [&self.config, &self.before].map(|settings| settings["surgeries"].as_array());
        let surgeries = lists.into_iter().flatten().flatten();
        let surgeons = surgeries.map(|one| one["surgeon"].as_str().unwrap().to_owned());
        surgeons.chain([self.pass.to_owned()]).collect()
    }

    fn before(self, surgeries: Value) -> Self {
        Self { before: settings(surgeries), ..self }
    }

    fn sizes(self, sizes: Sizes) -> Self {
        Self { sizes, ..self }
    }
}

/// A first run of a decoder over five tokens.
const FIRST_RUN: Sizes = &[
    ("batch_size", 1),
    ("sequence_length", 5),
    ("past_sequence_length", 0),
    ("total_sequence_length", 5),
    ("kv_cache_dim", 16),
];

/// The same of one with wider heads.
const WIDE_RUN: Sizes = &[
    ("batch_size", 1),
    ("sequence_length", 5),
    ("past_sequence_length", 0),
    ("total_sequence_length", 5),
    ("kv_cache_dim", 32),
];

/// Attention over two segments of a sequence.
const TWO_SEGMENTS: Sizes = &[("length", 5), ("segments", 3)];

/// All rows.
pub(super) fn rows() -> Vec<Row> {
    let all = [surgeries(), ends(), rewrites(), files(), quantizers(), optimizers()];
    all.into_iter().flatten().collect()
}

fn surgeries() -> Vec<Row> {
    // ONNX Runtime does not load the graph before.
    let once = json!([
        {"surgeon": "DeduplicateNodes"},
        {"surgeon": "RemoveMemcpy"},
        {"surgeon": "DeduplicateSubgraphInitializers"},
    ]);
    vec![
        surgery("gemm", json!([{"surgeon": "GemmToMatMulAdd"}]), SUMS),
        surgery("matmul-add", json!([{"surgeon": "MatMulAddToGemm"}]), SUMS),
        surgery("tied", json!([{"surgeon": "TieWordEmbeddings"}]), Exact),
        surgery("tied-quantized", json!([{"surgeon": "TieWordEmbeddings"}]), Exact),
        surgery(
            "mask",
            json!([{"surgeon": "ReplaceAttentionMaskValue", "replacement": -50.0}]),
            Says(masked_values_are_three_times_the_replacement),
        ),
        surgery(
            "names",
            json!([
                {"surgeon": "RenameInputDims", "input_name": "x", "dim_idx": 0, "dim_name": "b"},
                {"surgeon": "RenameOutputDims", "output_idx": 0, "dim_idx": 1, "dim_name": "l"},
            ]),
            Exact,
        ),
        surgery("tiny-phi3-longrope-fp32", json!([{"surgeon": "RemoveRopeMultiCache"}]), Exact)
            .sizes(WIDE_RUN),
        surgery("tiny-phi3-fp32", json!([{"surgeon": "AttentionMaskToSequenceLengths"}]), Exact)
            .sizes(FIRST_RUN),
        surgery("norms", json!([{"surgeon": "SimplifiedLayerNormToL2Norm"}]), NORMS),
        surgery("tiny-phi3-fp32", json!([{"surgeon": "SimplifiedLayerNormToL2Norm"}]), NORMS)
            .sizes(FIRST_RUN),
        surgery("reciprocal", json!([{"surgeon": "ReciprocalMulToDiv"}]), SUMS),
        surgery("lp-norm", json!([{"surgeon": "PowReduceSumPowDiv2LpNorm"}]), SUMS),
        surgery("twice", json!([{"surgeon": "RemoveGidxFromMatMulNBits"}]), SUMS).before(once),
        surgery("packed", json!([{"surgeon": "PackedAttentionToLoopMHA"}]), SUMS)
            .sizes(TWO_SEGMENTS),
    ]
}

fn ends() -> Vec<Row> {
    vec![
        surgery(
            "shapes",
            json!([
                {"surgeon": "ReorderInputs", "permutation": [1, 0]},
                {"surgeon": "RenameInputs", "old_names": ["x"], "new_names": ["tokens"]},
                {"surgeon": "RenameOutputs", "old_names": ["y"], "new_names": ["sum"]},
                {"surgeon": "RemoveShapes"},
            ]),
            Exact,
        ),
        surgery(
            "names",
            json!([{"surgeon": "ExposeOutputs", "names": ["/a/Neg"]}]),
            Says(the_first_sum_is_shown_too),
        ),
        surgery(
            "ends",
            json!([{"surgeon": "RemoveInputs", "names": ["q"]}]),
            Says(the_sum_is_of_what_is_left),
        ),
        surgery("ends", json!([{"surgeon": "RemoveInitializerFromInputs"}]), Exact),
    ]
}

fn rewrites() -> Vec<Row> {
    let half = json!({"source_dtype": 1, "target_dtype": 10});
    let metadata = json!({"graph_name": "tiny"});
    vec![
        row(
            "names",
            "DynamicToFixedShape",
            json!({"dim_param": ["batch"], "dim_value": [3]}),
            Exact,
        ),
        row("tiny-phi3-fp32", "OnnxIODataTypeConverter", half, Within(1e-3)).sizes(FIRST_RUN),
        row("tiny-phi3-fp32", "AddOliveMetadata", metadata, Exact).sizes(FIRST_RUN),
        row("half", "OnnxOpVersionConversion", json!({"target_opset": 24}), Exact),
        row("matmul-add", "OnnxFloatToFloat16", json!({"keep_io_types": true}), HALF),
        row("tiny-phi3-fp32", "OnnxFloatToFloat16", json!({}), HALF).sizes(FIRST_RUN),
    ]
}

/// Passes that write more than a graph.
fn files() -> Vec<Row> {
    let layers = json!({"split_assignments": {
        "model.embed_tokens": 0, "model.layers.0": 0, "model.layers.1": 1, "lm_head": 2}});
    let adapter = |graph, config| row(graph, "ExtractAdapters", config, Exact);
    vec![
        row("pieces", "SplitModel", json!({}), Exact),
        row("tiny-phi3-fp32", "SplitModel", layers.clone(), Exact).sizes(FIRST_RUN),
        row("tiny-phi3-int4", "SplitModel", layers, Exact).sizes(FIRST_RUN),
        adapter("lora", json!({})),
        adapter("lora", json!({"dynamic_lora_r": false})),
        adapter("lora", json!({"optional_inputs": false})),
        adapter("lora", json!({"make_inputs": false})),
        adapter("lora-nodes", json!({})),
        adapter("lora-shared", json!({})),
        adapter("lora-quantized", json!({})),
        adapter("loha", json!({"adapter_type": "loha"})),
        adapter("dora", json!({"adapter_type": "dora"})),
    ]
}

fn quantizers() -> Vec<Row> {
    let phi3 = "tiny-phi3-fp32";
    // Processors without VNNI add products of 8 bits in 16, which are too few for two of the largest.
    let channels = json!({"per_channel": true, "reduce_range": true});
    vec![
        row("tied-quantized", "MatMulNBitsToQDQ", json!({}), SUMS),
        row("tied-quantized", "MatMulNBitsToQDQ", json!({"use_int4": true}), SUMS),
        row(
            "tied-quantized",
            "MatMulNBitsToQDQ",
            json!({"use_transpose_op": true, "use_signed_int": true, "add_zero_point": true}),
            SUMS,
        ),
        row("tiny-phi3-int4-b128-asym", "MatMulNBitsToQDQ", json!({}), EIGHT_BITS_OF_LAYERS)
            .sizes(FIRST_RUN),
        row("blocks", "OnnxBlockWiseRtnQuantization", json!({"block_size": 16}), FOUR_BITS),
        row(
            "blocks",
            "OnnxBlockWiseRtnQuantization",
            json!({"bits": 8, "is_symmetric": false}),
            EIGHT_BITS,
        ),
        row(phi3, "OnnxBlockWiseRtnQuantization", json!({"bits": 8}), EIGHT_BITS_OF_LAYERS)
            .sizes(FIRST_RUN),
        row("blocks", "OnnxKQuantQuantization", json!({}), FOUR_BITS),
        row(phi3, "OnnxKQuantQuantization", json!({"bits": 8}), EIGHT_BITS_OF_LAYERS)
            .sizes(FIRST_RUN),
        row("blocks", "OnnxDynamicQuantization", json!({"reduce_range": true}), SEVEN_BITS),
        row("convolution", "OnnxDynamicQuantization", json!({}), EIGHT_BITS_OF_LAYERS),
        row("lifted", "OnnxDynamicQuantization", channels.clone(), SEVEN_BITS),
        row(phi3, "OnnxDynamicQuantization", channels, SEVEN_BITS_OF_LAYERS).sizes(FIRST_RUN),
    ]
}

fn optimizers() -> Vec<Row> {
    let casts = json!({"cast_chain_elimination": true, "fix_com_microsoft_opset": true});
    let peephole = "OnnxPeepholeOptimizer";
    vec![
        row("redundant", peephole, json!({}), Exact),
        row("redundant", peephole, casts, Within(1e-3)),
        row("constants", peephole, json!({}), Exact),
        row("traced", peephole, json!({}), Exact),
        row("exported", peephole, json!({}), Exact),
        row("everything", peephole, json!({}), Exact),
        row("tiny-phi3-longrope-fp32", peephole, json!({}), Exact).sizes(WIDE_RUN),
        row("tiny-phi3-int4", peephole, json!({}), Exact).sizes(FIRST_RUN),
    ]
}

fn surgery(graph: &'static str, surgeries: Value, agreement: Agreement) -> Row {
    row(graph, "GraphSurgeries", settings(surgeries), agreement)
}

fn settings(surgeries: Value) -> Value {
    let mut settings = json!({});
    settings["surgeries"] = surgeries;
    settings
}

fn row(graph: &'static str, pass: &'static str, config: Value, agreement: Agreement) -> Row {
    Row { graph, before: Value::Null, pass, config, sizes: &[], agreement }
}

/// The graph of the mask adds up three of them.
fn masked_values_are_three_times_the_replacement(
    found: &Outputs,
    expected: &Outputs,
) -> Option<String> {
    let pairs = found.numbers("y").iter().zip(expected.numbers("y"));
    let is_right = |(found, expected): (&f64, &f64)| {
        if *expected < -3e30 {
            (found + 150.0).abs() < 1.5
        } else {
            found.to_bits() == expected.to_bits()
        }
    };
    let has_masked = expected.numbers("y").iter().any(|&value| value < -3e30);
    (!has_masked || !pairs.clone().all(is_right)).then(|| format!("{:?}", found.0))
}

/// The node `/a/Neg` gives `-x`, which is added to `z`: of the same numbers here.
fn the_first_sum_is_shown_too(found: &Outputs, expected: &Outputs) -> Option<String> {
    let shown = found.0.last().map(|(name, ..)| name.as_str());
    let is_same = found.numbers("y") == expected.numbers("y");
    let are_opposite = found.numbers("a").iter().all(|value| *value != 0.0);
    (shown != Some("a") || !is_same || !are_opposite).then(|| format!("{:?}", found.0))
}

/// The sum of `x`, `z` and `q`, times `w`, beside that of `x` and `z`.
fn the_sum_is_of_what_is_left(found: &Outputs, expected: &Outputs) -> Option<String> {
    let is_left = found.numbers("y") == found.numbers("two");
    let were_three = expected.numbers("y") != expected.numbers("two");
    let is_two = found.numbers("two") == expected.numbers("two");
    (!is_left || !were_three || !is_two).then(|| format!("{:?}", found.0))
}
