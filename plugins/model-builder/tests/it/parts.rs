//! Options that leave parts of a model out, join them or quantize them otherwise, each against the
//! folder that ONNX Runtime GenAI 0.18 writes with it.

use olive_kit_onnx::read_model;
use olive_kit_testing::fixture;
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};

use crate::reference::{check_graphs, check_graphs_in_any_order, check_json, graph};
use crate::support::{built, prepare, request, run};

#[test]
fn parts_are_left_out_and_joined_as_the_builder_does() {
    let fp32 = |extra: Value| json!({"precision": "fp32", "extra_options": extra});
    let pruned = json!({"prune_lm_head": true, "include_hidden_states": 1});
    for (model, config, expected) in [
        ("tiny-phi3", json!({"precision": "fp32", "exclude_embeds": true}), "exclude_embeds_true"),
        ("tiny-phi3", fp32(json!({"prune_lm_head": "true"})), "prune_lm_head_true"),
        ("tiny-phi3", fp32(json!({"fuse_mlp_gate_up": true})), "fuse_mlp_gate_up_true"),
        ("tiny-llama-bias", fp32(json!({"fuse_qkv": false})), "fuse_qkv_false"),
        ("tiny-llama-bias", fp32(json!({"disable_qkv_fusion": "1"})), "fuse_qkv_false"),
        ("tiny-llama", fp32(json!({"shared_embeddings": false})), "shared_embeddings_false"),
        ("tiny-llama-bias", int4(&json!({"fuse_mlp_gate_up": true})), "fuse_mlp_gate_up_true"),
        (
            "tiny-llama",
            json!({"precision": "int4", "exclude_lm_head": true}),
            "exclude_lm_head_true",
        ),
        ("tiny-llama", int4(&json!({"shared_embeddings": false})), "shared_embeddings_false"),
        ("tiny-gemma", fp32(json!({"shared_embeddings": false})), "shared_embeddings_false"),
        (
            "tiny-gemma2",
            int4(&json!({"exclude_embeds": true, "fuse_mlp_gate_up": true})),
            "exclude_embeds_true_fuse_mlp_gate_up_true",
        ),
        ("tiny-phi3", int4(&pruned), "prune_lm_head_true_include_hidden_states_true"),
    ] {
        check(model, &config, expected);
    }
}

#[test]
fn operators_and_nodes_are_quantized_as_the_builder_does() {
    let operators = json!(["MatMul", "Gather"]);
    let both = json!({"op_types_to_quantize": "MatMul/Gather", "is_symmetric": false});
    let with_zero_points = "op_types_to_quantize_MatMul_Gather_is_symmetric_false";
    let gather = json!({"precision": "int4", "int4_op_types_to_quantize": ["Gather"]});
    check("tiny-phi3", &gather, "op_types_to_quantize_Gather");
    check("tiny-phi3", &int4(&both), with_zero_points);
    let field = json!({
        "precision": "int4",
        "int4_op_types_to_quantize": operators,
        "int4_is_symmetric": false
    });
    check("tiny-phi3", &field, with_zero_points);
    let excluded = |nodes: Value| int4(&json!({ "nodes_to_exclude": nodes }));
    let lm_head = "nodes_to_exclude__lm_head_MatMul";
    check("tiny-llama", &excluded(json!("/lm_head/MatMul")), lm_head);
    let embedding = "nodes_to_exclude__model_embed_tokens_Gather";
    check("tiny-llama", &excluded(json!(["/model/embed_tokens/Gather"])), embedding);
}

#[test]
fn what_names_no_node_or_quantizes_more_is_told() {
    let nodes = "/model/layers.1/mlp/down_proj/MatMul,/nothing/MatMul";
    let tag = "nodes_to_exclude__model_layers.1_mlp_down_proj_MatMul__nothing_MatMul";
    let config = int4(&json!({ "nodes_to_exclude": nodes }));
    let found = check_graph("tiny-phi3", &config, tag);
    assert_eq!(found, ["no node that could be quantized is called `/nothing/MatMul`"]);

    let config = int4(&json!({"op_types_to_quantize": "Gather"}));
    let found = check_graph("tiny-llama", &config, "op_types_to_quantize_Gather");
    let message = "the embedding is the weight of the layer that makes logits, so matrices are \
        quantized too";
    assert_eq!(found, [message]);

    let config = int4(&json!({"algo_config": "k_quant_linear"}));
    let message = "the model has no linear attention that could get other bits";
    assert_eq!(warnings("tiny-phi3", &config), [message]);

    for (precision, algorithm, reason) in [
        ("int4", "rtn", "only the algorithm `default` quantizes embeddings"),
        ("int8", "default", "embeddings are quantized to 4 bits only"),
    ] {
        let extra = json!({"op_types_to_quantize": "MatMul/Gather", "algo_config": algorithm});
        let found = warnings("tiny-phi3", &json!({"precision": precision, "extra_options": extra}));
        assert_eq!(found, [format!("`Gather` has no effect on the embedding: {reason}")]);
    }
}

#[test]
fn codes_before_dequantize_linear_are_the_builders() {
    let qdq = json!({"precision": "int4", "use_qdq": true});
    check("tiny-phi3", &qdq, "use_qdq_true");
    let asymmetric = int4(&json!({"use_qdq": true, "is_symmetric": false}));
    check("tiny-phi3", &asymmetric, "use_qdq_true_is_symmetric_false");
    let untied = json!({"use_qdq": true, "shared_embeddings": false});
    check("tiny-llama", &int4(&untied), "use_qdq_true_shared_embeddings_false");
    // The original fails where the embedding is tied; its table stays as it is.
    check("tiny-llama", &qdq, "use_qdq_true_shared_embeddings_false");
}

#[test]
fn matrices_get_the_bits_that_the_builder_gives_them() {
    let mixed = "last_matmul:int8,mixed_layers:int8";
    let tag = "matmul_mixed_precision_last_matmul_int8_mixed_layers_int8";
    check("tiny-phi3", &int4(&json!({ "matmul_mixed_precision": mixed })), tag);
    let mixed = json!({"last_matmul": "int8", "mixed_layers": "int8"});
    check("tiny-phi3", &int4(&json!({ "matmul_mixed_precision": mixed })), tag);
    let narrower = json!({"matmul_mixed_precision": "last_matmul:int4"});
    let config = json!({"precision": "int8", "extra_options": narrower});
    check("tiny-phi3", &config, "matmul_mixed_precision_last_matmul_int4");
    // Neural Compressor's quantizers leave the nodes in another order.
    for (model, config, tag) in [
        ("tiny-phi3", int4(&json!({"algo_config": "k_quant_mixed"})), "algo_config_k_quant_mixed"),
        ("tiny-llama", int4(&json!({"algo_config": "k_quant_last"})), "algo_config_k_quant_last"),
        ("tiny-llama", int4(&json!({"algo_config": "k_quant_linear"})), "algo_config_k_quant_last"),
        (
            "tiny-phi3",
            int4(&json!({"algo_config": "rtn", "matmul_mixed_precision": "mixed_layers:int8"})),
            "algo_config_rtn_matmul_mixed_precision_mixed_layers_int8",
        ),
        (
            "tiny-qwen3",
            int4(&json!({"fuse_qkv": false, "algo_config": "rtn_last"})),
            "fuse_qkv_false_algo_config_rtn_last",
        ),
        (
            "tiny-phi3",
            json!({"precision": "int8", "int4_algo_config": "k_quant"}),
            "algo_config_k_quant",
        ),
    ] {
        let output = built(model, &config);
        check_graphs_in_any_order(output.path(), &expected(model, &config, tag));
    }
}

#[test]
fn a_part_of_queries_keys_and_values_that_is_excluded_has_a_product_of_its_own() {
    // The original's next layer then reads keys and values of this one.
    let node = "/model/layers.0/attn/q_proj/MatMul";
    let config = int4(&json!({ "nodes_to_exclude": node }));
    let output = built("tiny-phi3", &config);
    let mut model = read_model(&output.path().join("model.onnx")).unwrap();
    let nodes = &graph(&mut model).node;
    let inputs = |layer: usize| {
        let name = format!("/model/layers.{layer}/attn/GroupQueryAttention");
        let node = nodes.iter().find(|node| node.name() == name).unwrap();
        node.input[..3].to_vec()
    };
    let part = |part: &str| format!("/model/layers.0/attn/{part}/MatMul/output_0");
    assert_eq!(inputs(0), ["q_proj", "k_proj", "v_proj"].map(part));
    assert_eq!(inputs(1), ["/model/layers.1/attn/qkv_proj/MatMul/output_0", "", ""]);
    assert!(nodes.iter().any(|found| found.name() == node && found.op_type() == "MatMul"));
}

#[test]
fn what_does_not_go_together_is_named() {
    let gate = "/model/layers.0/mlp/gate_proj/MatMul";
    for (config, pointer, message) in [
        (
            int4(&json!({"shared_embeddings": true})),
            "/extra_options/shared_embeddings",
            "the model has a matrix of its own for logits",
        ),
        (
            json!({"precision": "fp32", "exclude_lm_head": true, "include_hidden_states": true}),
            "/exclude_lm_head",
            "gives hidden states besides logits, which `exclude_lm_head` leaves out",
        ),
        (
            int4(&json!({"fuse_mlp_gate_up": true, "nodes_to_exclude": gate})),
            "/extra_options/nodes_to_exclude",
            "`fuse_mlp_gate_up` makes one product of `/model/layers.0/mlp/gate_proj/MatMul`",
        ),
        (
            json!({"precision": "int8", "use_qdq": true}),
            "/use_qdq",
            "there is no form with `DequantizeLinear` for 8 bits",
        ),
        (
            int4(&json!({"use_qdq": true, "algo_config": "k_quant"})),
            "/extra_options/use_qdq",
            "for weights rounded by another algorithm than `default`",
        ),
        (
            int4(&json!({"use_qdq": true, "op_types_to_quantize": "MatMul/Gather"})),
            "/extra_options/use_qdq",
            "for a quantized embedding",
        ),
    ] {
        let output = tempfile::tempdir().unwrap();
        let request = request(&fixture("tiny-phi3"), &config, &output);
        let found = prepare(&request).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].pointer, pointer);
        assert!(found[0].message.contains(message), "{}", found[0].message);
        let error = run(&request, &Recorder::default()).unwrap_err();
        assert_eq!((&error.message, &error.help), (&found[0].message, &found[0].help));
    }
}

/// A config with precision `int4` and these extra options.
fn int4(extra: &Value) -> Value {
    json!({"precision": "int4", "extra_options": extra})
}

/// Builds `model` with `config`, of which nothing is to be said, and compares the graph and
/// `genai_config.json` with those of the original, whose folder's name ends with `tag`.
fn check(model: &str, config: &Value, tag: &str) {
    assert_eq!(check_graph(model, config, tag), [""; 0]);
}

/// The same with warnings, which it returns.
fn check_graph(model: &str, config: &Value, tag: &str) -> Vec<String> {
    let (output, expected) = (built(model, config), expected(model, config, tag));
    check_graphs(output.path(), &expected);
    let file = "genai_config.json";
    check_json(&output.path().join(file), &expected.join(file), &[]);
    warnings(model, config)
}

fn expected(model: &str, config: &Value, tag: &str) -> std::path::PathBuf {
    let precision = config["precision"].as_str().unwrap();
    fixture("builder").join(format!("{model}-{precision}-cpu-{tag}"))
}

/// What is said of a build before it.
fn warnings(model: &str, config: &Value) -> Vec<String> {
    let output = tempfile::tempdir().unwrap();
    let found = prepare(&request(&fixture(model), config, &output)).unwrap();
    found.into_iter().map(|found| found.message).collect()
}
