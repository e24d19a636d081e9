//! Estimates against measured peaks, and against what plugins tell before they start.

use olive_validator_api::{Context, Cost, Planner};
use serde_json::{Value, json};

use crate::OliveRules;
use crate::example::Example;

const MIB: f64 = 1_048_576.0;

/// A Llama of these widths: hidden, inner, layers, heads, key heads, vocabulary.
type Widths = [u64; 6];

const NARROW: Widths = [576, 1536, 12, 9, 3, 512];
const WIDE: Widths = [1024, 4096, 6, 16, 16, 512];
const WORDY: Widths = [576, 1536, 4, 9, 3, 49152];

fn model([hidden, inner, layers, heads, kv_heads, vocabulary]: Widths) -> Value {
    let ties = vocabulary < 1000;
    let kv = hidden / heads * kv_heads;
    let group = |name: &str, count: u64, shape: &[u64]| json!({"name": name, "count": count, "shape": shape, "dtype": "F32"});
    let layer =
        |name: &str, shape: &[u64]| group(&format!("model.layers.*.{name}.weight"), layers, shape);
    let mut tensors = vec![
        group("model.embed_tokens.weight", 1, &[vocabulary, hidden]),
        layer("self_attn.q_proj", &[hidden, hidden]),
        layer("self_attn.k_proj", &[kv, hidden]),
        layer("self_attn.v_proj", &[kv, hidden]),
        layer("self_attn.o_proj", &[hidden, hidden]),
        layer("mlp.gate_proj", &[inner, hidden]),
        layer("mlp.up_proj", &[inner, hidden]),
        layer("mlp.down_proj", &[hidden, inner]),
        layer("input_layernorm", &[hidden]),
    ];
    if !ties {
        tensors.push(group("lm_head.weight", 1, &[vocabulary, hidden]));
    }
    json!({
        "type": "HfModel",
        "config": {
            "model_type": "llama", "hidden_size": hidden, "intermediate_size": inner,
            "num_hidden_layers": layers, "num_attention_heads": heads,
            "num_key_value_heads": kv_heads, "vocab_size": vocabulary,
            "max_position_embeddings": 4096, "tie_word_embeddings": ties
        },
        "tensors": tensors
    })
}

fn costs(widths: Widths, passes: &Value, more: &Value) -> Vec<Option<Cost>> {
    let mut example = json!({
        "workflow": {
            "data_configs": [
                {"name": "train", "pre_process_data_config": {"max_seq_len": 512}}
            ],
            "evaluators": {"e": {"metrics": [{"name": "speed", "type": "latency"}]}},
            "passes": passes
        },
        "model": model(widths)
    });
    for (key, value) in more.as_object().unwrap() {
        example[key] = value.clone();
    }
    OliveRules::estimate(&Example::new(example).document(), &Context::default())
}

/// Compares the peak of the last pass with what was measured, in MiB without mapped pages.
#[track_caller]
fn check_peak(widths: Widths, passes: &Value, measured: f64) {
    let costs = costs(widths, passes, &json!({}));
    let cost = costs.last().unwrap().as_ref().unwrap();
    let peak = cost.peak_host_bytes as f64 / MIB;
    assert!((peak / measured - 1.0).abs() < 0.2, "{peak:.0} MiB is not {measured}: {cost:?}");
    let parts = cost.breakdown.values().filter_map(Value::as_f64).sum::<f64>() / MIB;
    assert!((parts - peak).abs() < 0.1, "{parts} MiB of {peak}");
}

fn lora(batch: u64, recomputes: bool) -> Value {
    tuned("LoRA", batch, recomputes, &json!({}))
}

fn tuned(pass: &str, batch: u64, recomputes: bool, more: &Value) -> Value {
    let mut tune = json!({
        "type": pass, "train_data_config": "train", "r": 64,
        "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"],
        "training_args": {
            "per_device_train_batch_size": batch, "gradient_checkpointing": recomputes,
            "max_steps": 10
        }
    });
    tune.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"tune": tune})
}

fn built(precision: &str, evaluator: Option<&str>) -> Value {
    json!({"build": {"type": "ModelBuilder", "precision": precision, "evaluator": evaluator}})
}

/// Measured on two cores: the peak of the worker less the bytes of the checkpoint, where it is
/// mapped.
#[test]
fn peaks_are_near_what_was_measured() {
    check_peak(NARROW, &lora(1, true), 194.0);
    check_peak(NARROW, &lora(1, false), 325.0);
    check_peak(NARROW, &lora(4, false), 843.0);
    check_peak(WIDE, &lora(1, false), 504.0);
    check_peak(WIDE, &lora(4, true), 575.0);
    check_peak(WORDY, &lora(2, false), 350.0);
    let in_float = json!({"torch_dtype": "float32"});
    check_peak(NARROW, &tuned("LoRA", 1, true, &in_float), 278.0);
    check_peak(NARROW, &tuned("DoRA", 2, false, &json!({})), 501.0);
    let all = json!({"target_modules": null});
    check_peak(WIDE, &tuned("QLoRA", 1, true, &all), 311.0);
    let double = json!({"target_modules": null, "double_quant": true});
    check_peak(WORDY, &tuned("QLoRA", 2, true, &double), 294.0);
    check_peak(WIDE, &tuned("LoKr", 1, true, &all), 340.0);
    let small = json!({"target_modules": null, "r": 8});
    check_peak(WIDE, &tuned("LoHa", 1, false, &small), 554.0);
    check_peak(WIDE, &json!({"merge": {"type": "MergeAdapterWeights"}}), 419.0 - 386.0);
    check_peak(WORDY, &built("int4", None), 142.0);
    check_peak(WORDY, &built("fp32", None), 150.0);
    check_peak(WIDE, &built("int4", None), 35.0);
    check_peak(WIDE, &built("int4", Some("e")), 171.0);
    check_peak(WORDY, &built("int4", Some("e")), 163.0);
    check_peak(WIDE, &built("fp32", Some("e")), 377.0);
    let merged = json!({"merge": {"type": "MergeAdapterWeights", "evaluator": "e"}});
    check_peak(WORDY, &merged, 556.0 - 270.0);
    check_peak(NARROW, &merged, 342.0 - 163.0);
}

#[test]
fn files_are_as_large_as_they_were() {
    for (widths, measured) in [(WORDY, 134.332), (WIDE, 61.3633)] {
        let cost = costs(widths, &built("int4", None), &json!({})).remove(0).unwrap();
        let size = cost.disk_bytes as f64 / MIB;
        assert!((size / measured - 1.0).abs() < 0.01, "{size} MiB is not {measured}");
    }
}

#[test]
fn nothing_is_said_of_what_is_not_known() {
    let passes = json!({
        "tune": lora(1, true)["tune"], "other": {"type": "Other"},
        "build": {"type": "ModelBuilder", "precision": "int4"}
    });
    let known: Vec<bool> = costs(NARROW, &passes, &json!({})).iter().map(Option::is_some).collect();
    assert_eq!(known, [true, false, false]);
    let passes = json!({
        "smooth": {"type": "SmoothQuant", "data_config": "train"},
        "build": {"type": "ModelBuilder", "precision": "fp32"}
    });
    assert!(costs(NARROW, &passes, &json!({})).iter().all(Option::is_some));
    assert_eq!(costs(NARROW, &lora(1, true), &json!({"model": null})), [None]);
}

#[test]
fn quantizing_takes_a_layer_and_not_a_model() {
    let of = |widths: Widths, pass: &str, more: Value| {
        let mut quantize = json!({"type": pass, "data_config": "train", "nsamples": 64});
        quantize.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let passes = json!({"quantize": quantize});
        let cost = costs(widths, &passes, &json!({})).remove(0).unwrap();
        let parts = cost.breakdown.values().filter_map(Value::as_f64).sum::<f64>();
        assert!((parts / cost.peak_host_bytes as f64 - 1.0).abs() < 1e-3, "{cost:?}");
        (cost.peak_host_bytes as f64 / MIB, cost.disk_bytes as f64)
    };
    let phi3 = |layers: u64| [3072, 8192, layers, 32, 32, 32064];
    let (peak, few) = of(phi3(2), "Gptq", json!({}));
    assert!(peak > 1500.0 && peak < 2400.0, "{peak}");
    let (same, many) = of(phi3(32), "Gptq", json!({}));
    assert!((same - peak).abs() < 1.0 && many > few, "{same} {peak}");
    let (whole, _) = of(phi3(2), "Gptq", json!({"true_sequential": false}));
    assert!(whole > peak + 1.0, "{whole} {peak}");
    let (head, _) = of(WORDY, "Gptq", json!({"lm_head": true}));
    assert!(head > of(WORDY, "Gptq", json!({})).0 + 100.0, "{head}");
    let table = 49152.0 * 576.0 / MIB;
    let (rtn, _) = of(WORDY, "Rtn", json!({"embeds": true}));
    assert!(rtn > 11.0 * table && rtn < 13.0 * table, "{rtn}");
    let bits = |bits: u64| of(WIDE, "Rtn", json!({"bits": bits})).1;
    assert!(bits(8) > bits(4));
    let [smooth, awq, clip] =
        ["SmoothQuant", "Awq", "AutoClip"].map(|pass| of(WIDE, pass, json!({})));
    assert!(smooth.0 < awq.0 - 20.0, "no Gram matrix: {} {}", smooth.0, awq.0);
    assert!((smooth.1 - clip.1).abs() < 1.0, "floats stay: {} {}", smooth.1, clip.1);
}

#[test]
fn passes_of_the_processor_need_no_memory_of_a_gpu() {
    let gpu = json!({"accelerator": {"device": "gpu", "execution_provider": "CUDA"}});
    let cost = costs(NARROW, &lora(1, true), &gpu).remove(0).unwrap();
    assert_eq!(cost.peak_device_bytes, 0);
    assert!(cost.peak_host_bytes > 0 && cost.flops > 0.0);
}

#[test]
fn wild_shapes_are_no_trouble() {
    let wild = [u64::MAX / 64, u64::MAX / 64, u64::MAX / 64, 1, 1, u64::MAX / 64];
    let cost = costs(wild, &lora(1, true), &json!({})).remove(0).unwrap();
    assert_eq!(cost.peak_host_bytes, u64::MAX);
}

/// SmolLM2-135M, which ties its embedding, and Phi-3-mini, which does not.
const SMOL: Widths = [576, 1536, 30, 9, 3, 49152];
const PHI: Widths = [3072, 8192, 32, 32, 32, 32064];

/// The costs of the steps on one of the two, in 16 bits.
fn planned(widths: Widths, passes: &Value) -> Vec<Option<Cost>> {
    let mut model = model(widths);
    let ties = widths == SMOL;
    let tensors = model["tensors"].as_array_mut().unwrap();
    tensors.retain(|group| !ties || group["name"] != "lm_head.weight");
    let bytes = |group: &Value| {
        let shape = group["shape"].as_array().unwrap().iter();
        2 * group["count"].as_u64().unwrap() * shape.filter_map(Value::as_u64).product::<u64>()
    };
    let total: u64 = tensors.iter().map(bytes).sum();
    model["config"]["tie_word_embeddings"] = ties.into();
    model["total_bytes"] = total.into();
    costs(widths, passes, &json!({"model": model}))
}

/// MiB of memory beside the program, and bytes on disk, of the last step.
#[track_caller]
fn last(widths: Widths, passes: &Value) -> (f64, f64) {
    let costs = planned(widths, passes);
    let cost = costs.last().unwrap().as_ref().unwrap();
    let beside = cost.breakdown.iter().filter(|(name, _)| *name != "program");
    let beside: f64 = beside.filter_map(|(_, bytes)| bytes.as_f64()).sum();
    (beside / MIB, cost.disk_bytes as f64)
}

/// Values of the matrices inside the layers, and of the one that makes logits.
fn values([hidden, inner, layers, heads, kv_heads, vocabulary]: Widths) -> [f64; 2] {
    let attention = 2 * hidden * hidden + 2 * hidden * (hidden / heads * kv_heads);
    [layers * (attention + 3 * hidden * inner), vocabulary * hidden].map(|values| values as f64)
}

#[track_caller]
fn check_beside(widths: Widths, passes: &Value, expected: f64) {
    let (found, _) = last(widths, passes);
    assert!((found / expected - 1.0).abs() < 0.01, "{found:.1} MiB is not {expected}: {passes}");
}

fn quantized(more: &Value) -> Value {
    let mut step = json!({"type": "Gptq", "data_config": "train", "nsamples": 64});
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    step
}

/// What `spin::needs`, `sensitivity_bytes` and `Need::on_data` of the plugin sum up to, beside the
/// program, for 64 samples of 512 tokens.
#[test]
fn what_learns_on_data_needs_what_its_plugin_tells() {
    let step = |pass: &str, more: Value| {
        let mut step = quantized(&more);
        step["type"] = pass.into();
        json!({"step": step})
    };
    let spin = |lm_head: bool| step("SpinQuant", json!({"lm_head": lm_head}));
    check_beside(SMOL, &spin(false), 714.3);
    check_beside(SMOL, &spin(true), 812.4);
    check_beside(PHI, &spin(false), 3448.0);
    check_beside(PHI, &spin(true), 3507.8);
    let choice = |algorithm: &str| {
        let settings = json!({"algorithm": algorithm, "group_size": 64, "ratio": 0.8});
        step("SelectiveMixedPrecision", settings)
    };
    check_beside(SMOL, &choice("kld_gradient"), 1584.0);
    check_beside(PHI, &choice("kld_gradient"), 18782.0);
    check_beside(SMOL, &choice("output_error"), 553.1);
    check_beside(PHI, &choice("output_error"), 1644.4);
    // The matrix of logits twice in floats and its codes.
    let [_, table] = values(SMOL);
    check_beside(SMOL, &choice("snr"), table * (9.0 + 5.0 / 64.0) / MIB);
    assert_eq!(last(PHI, &choice("high_precision_mlp_down")), (0.0, 0.0));
}

#[test]
fn a_rotation_unties_the_embedding_for_what_follows() {
    let rotated = |mode: &str| json!({"rotate": {"type": "QuaRot", "rotate_mode": mode}});
    let [_, table] = values(SMOL);
    let (hadamard, disk) = last(SMOL, &rotated("hadamard"));
    assert!(hadamard > 9.0 && hadamard < 10.0, "a band of the embedding: {hadamard}");
    let plain = last(SMOL, &json!({"smooth": {"type": "SmoothQuant"}})).1;
    assert!((disk - plain - 2.0 * table).abs() < 1.0, "{disk} {plain}");
    assert!(last(PHI, &rotated("random")).0 > last(PHI, &rotated("hadamard")).0 + 30.0);
    let build = json!({"type": "ModelBuilder", "precision": "fp32"});
    let tied = last(SMOL, &json!({"build": build})).1;
    for pass in ["QuaRot", "SpinQuant"] {
        let passes = json!({"rotate": {"type": pass, "data_config": "train"}, "build": build});
        let untied = last(SMOL, &passes).1;
        assert!((untied - tied - 4.0 * table).abs() < 1.0, "{pass}: {untied} {tied}");
    }
}

#[test]
fn a_choice_goes_before_the_bits_of_a_quantizer() {
    let [layers, _] = values(PHI);
    let of = |choice: Value| {
        let mut choose = json!({"type": "SelectiveMixedPrecision"});
        choose.as_object_mut().unwrap().extend(choice.as_object().unwrap().clone());
        last(PHI, &json!({"choose": choose, "quantize": quantized(&json!({"bits": 8}))})).1
    };
    let least = last(PHI, &json!({"quantize": quantized(&json!({}))})).1;
    let bits = |disk: f64| 4.0 + 8.0 * (disk - least) / layers;
    // A share of half of the layers: `down` is 8 of 36 parts of one, with queries, keys and values
    // it is 17.
    for (choice, expected) in [
        (json!({"algorithm": "high_precision_lm_head"}), 4.0),
        (json!({"algorithm": "high_precision_mlp_down"}), 4.0 + 2.0 * 8.0 / 36.0),
        (json!({"algorithm": "k_quant_mixed"}), 4.0 + 2.0 * 17.0 / 36.0),
        (json!({"algorithm": "snr", "ratio": 0.75}), 5.0),
        (json!({"algorithm": "iqe", "bits_per_weight": 5.0}), 5.0 - 20.0 / 128.0),
        (json!({"algorithm": "iqe", "max_size": "1 MiB"}), 4.0),
        (json!({"algorithm": "iqe", "max_size": "1 TiB", "high_bits": 8}), 8.0),
    ] {
        let found = bits(of(choice.clone()));
        assert!((found - expected).abs() < 1e-3, "{found} is not {expected}: {choice}");
    }
}

#[test]
fn the_graph_of_a_packed_checkpoint_takes_its_codes_twice() {
    let of = |more: Value, precision: &str| {
        let build = json!({"type": "ModelBuilder", "precision": precision, "evaluator": null});
        json!({"quantize": quantized(&more), "build": build})
    };
    let small = |mut more: Value| {
        more["group_size"] = 64.into();
        of(more, "int4")
    };
    let [layers, table] = values(SMOL);
    // In floats, the matrix of logits is quantized as without codes.
    check_beside(SMOL, &small(json!({})), table * (4.0 + 0.625) / MIB);
    let codes = |table: f64, group: f64| table * (1.0 + 4.5 / group) / MIB;
    check_beside(SMOL, &small(json!({"lm_head": true})), codes(table, 64.0));
    check_beside(SMOL, &small(json!({"embeds": true})), codes(table, 64.0));
    check_beside(PHI, &of(json!({"lm_head": true}), "int4"), codes(values(PHI)[1], 128.0));
    let disk = |more: Value| last(SMOL, &small(more)).1;
    let rotary = 4.0 * 4096.0 * 64.0;
    let shared = (layers + table) * (0.5 + 4.5 / 64.0) + rotary;
    let embeds = disk(json!({"embeds": true}));
    assert!((embeds - shared).abs() < 2.0, "{embeds} is not {shared}");
    let own = disk(json!({"lm_head": true}));
    assert!((own - shared - 4.0 * table).abs() < 2.0, "an embedding in floats beside: {own}");
    assert!(planned(SMOL, &of(json!({}), "fp32"))[1].is_none(), "which is refused");
    let chain = json!({
        "rotate": {"type": "QuaRot"},
        "choose": {"type": "SelectiveMixedPrecision", "algorithm": "high_precision_mlp_down"},
        "quantize": quantized(&json!({"group_size": 64})),
        "build": {"type": "ModelBuilder", "precision": "int4", "evaluator": "e"}
    });
    assert!(planned(SMOL, &chain).iter().all(Option::is_some));
}
