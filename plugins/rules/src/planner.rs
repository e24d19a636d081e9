//! What the built-in passes will need of memory and disk, from the shapes of the model alone.
//!
//! They run on the processor, so that on a GPU or NPU they need nothing. Pages of files that are
//! mapped are not counted: the system takes them back when memory is short. Estimates were compared
//! with measured peaks, which the tests hold.

use olive_validator_api::{Context, Cost, Document, PlannedStep, Planner, text};

use crate::OliveRules;
use crate::model::checkpoint;
use crate::need::{FLOAT, MIB, Need};
use crate::parts::{chains, evaluators, is, is_tuner, measures_model};
use crate::shape::Shape;
use crate::tuning;

/// Resident memory of ONNX Runtime beside that.
const RUNTIME: f64 = 10.0 * MIB;

/// Values that merging has in memory at a time.
const MERGED: f64 = 4_194_304.0;

/// Columns that are transposed at a time.
const COLUMNS: f64 = 128.0;

/// Tokens of a row that is measured, which only the data tells.
const ROW_TOKENS: f64 = 128.0;

impl Planner for OliveRules {
    fn estimate(document: &Document, _: &Context) -> Vec<Option<Cost>> {
        chains(document).into_iter().flat_map(|chain| costs(document, chain)).collect()
    }
}

/// The costs of the steps of a chain, up to the first that nothing is known about.
fn costs(document: &Document, chain: &[PlannedStep]) -> Vec<Option<Cost>> {
    let model = checkpoint(document);
    let mut stage = model.and_then(|model| Some(Stage::Checkpoint(Shape::of(model)?, 0.0)));
    let mut costs = Vec::new();
    for step in chain {
        let known = stage.take().and_then(|stage| need(document, step, stage));
        let (need, after) = known.unzip();
        stage = after;
        let device = document.accelerator.device;
        costs.push(
            need.map(|need| need.max(evaluation(document, step, stage.as_ref())).cost(device)),
        );
    }
    costs
}

/// A model between two steps.
enum Stage {
    /// A checkpoint, and the values of the adapter on top of it.
    Checkpoint(Shape, f64),
    /// An ONNX model: bytes of its weights, and of those that are quantized.
    Onnx(f64, f64),
}

/// What a built-in pass needs, and what it makes; nothing of other passes.
fn need(document: &Document, step: &PlannedStep, before: Stage) -> Option<(Need, Stage)> {
    let Stage::Checkpoint(shape, adapter) = before else { return None };
    if is_tuner(step) {
        let adapter = tuning::adapter_values(document, step, &shape);
        let need = tuning::need(document, step, &shape, adapter);
        Some((need, Stage::Checkpoint(shape, adapter)))
    } else if is(step, "MergeAdapterWeights") {
        let group = shape.largest_matrix().min(MERGED);
        let need = Need {
            memory: vec![("weights", FLOAT * group), ("adapter", FLOAT * adapter)],
            disk: shape.stored_bytes,
            flops: 2.0 * shape.matrices(),
            confidence: 0.8,
        };
        Some((need, Stage::Checkpoint(shape, 0.0)))
    } else if is(step, "ModelBuilder") {
        building(step, &shape)
    } else {
        None
    }
}

/// Writing the graph: one matrix at a time, with what it becomes.
fn building(step: &PlannedStep, shape: &Shape) -> Option<(Need, Stage)> {
    let matrix = shape.largest_matrix().max(shape.logits_matrix());
    let tables = FLOAT * shape.positions * shape.head;
    let (result, quantized, disk) = match text(&step.config, "precision")? {
        "int4" => {
            let block = crate::block_size_padding::block_size(step).0 as f64;
            let bytes_each = 0.5 + FLOAT / block;
            let quantized = bytes_each * (shape.matrices() + shape.logits_matrix());
            let embedding = if shape.ties { 0.0 } else { FLOAT * shape.logits_matrix() };
            (bytes_each * matrix, quantized, quantized + embedding + tables)
        }
        _ => (COLUMNS * FLOAT * shape.vocabulary, 0.0, FLOAT * shape.values + tables),
    };
    let need = Need {
        memory: vec![("matrix", FLOAT * matrix), ("result", result)],
        disk,
        flops: 0.0,
        confidence: 0.8,
    };
    Some((need, Stage::Onnx(disk, quantized)))
}

/// Measuring the model that a step has made; nothing when only its files are looked at.
fn evaluation(document: &Document, step: &PlannedStep, made: Option<&Stage>) -> Option<Need> {
    let name = step.evaluator.as_deref()?;
    let (_, evaluator) = evaluators(document).find(|(known, _)| *known == name)?;
    if !measures_model(name, evaluator) {
        return None;
    }
    let memory = match made? {
        Stage::Checkpoint(shape, adapter) => vec![
            ("weights", FLOAT * shape.values),
            ("adapter", FLOAT * adapter),
            ("cache", 2.0 * FLOAT * shape.kv * shape.layers * ROW_TOKENS),
            ("logits", FLOAT * shape.vocabulary * ROW_TOKENS),
        ],
        // The kernels repack what is quantized.
        Stage::Onnx(bytes, quantized) => {
            vec![("weights", *bytes), ("repacked", *quantized), ("runtime", RUNTIME)]
        }
    };
    Some(Need { memory, disk: 0.0, flops: 0.0, confidence: 0.6 })
}

#[cfg(test)]
mod tests {
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
        let layer = |name: &str, shape: &[u64]| {
            group(&format!("model.layers.*.{name}.weight"), layers, shape)
        };
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
        let known: Vec<bool> =
            costs(NARROW, &passes, &json!({})).iter().map(Option::is_some).collect();
        assert_eq!(known, [true, false, false]);
        assert_eq!(costs(NARROW, &lora(1, true), &json!({"model": null})), [None]);
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
}
