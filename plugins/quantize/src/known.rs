//! Settings of Olive's passes that are none here, with the reason. A config that has them is
//! understood; only slips are unknown.

use olive_plugin_api::Unavailable;
use serde_json::{Map, Value, json};

/// Keys with one reason why they have no effect, and whether the result is the same without them.
type Row = (&'static str, bool, &'static [&'static str]);

const PROCESSOR: Row =
    ("quantization runs on the processor", true, &["device", "gpu", "batch_size"]);
const MODULES: Row = (
    "the layers of the families that are read are known",
    true,
    &[
        "layers_block_name",
        "outside_layer_modules",
        "inside_layer_modules",
        "block_name_to_quantize",
    ],
);
const DAMPING: Row =
    ("damping is raised tenfold where it is needed", true, &["damp_auto_increment"]);
const TYPES: Row =
    ("weights are read in their own type", true, &["input_model_dtype", "export_fp16"]);
const EXPERTS: Row = (
    "the models that are read have no experts",
    true,
    &["moe", "moe_fallback_threshold", "quantize_vision"],
);
const FOLDING: Row = ("scales are always folded into what is before", true, &["folding"]);
const TOKENS: Row = ("all tokens of the calibration data count", false, &["n_sample_token"]);
const MEMORY: Row = ("no gradient of a weight is ever in memory", true, &["kld_memory_mode"]);

const ACTIVATIONS: Row = ("activations are not rounded", true, &["a_symmetric", "a_per_token"]);
const STEPS: Row = (
    "a step reads all calibration data, and its length is found by what it lowers",
    true,
    &[
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
        "weight_decay",
        "lr_scheduler_type",
        "warmup_steps",
        "warmup_ratio",
        "optim",
        "bf16",
        "fp16",
        "gradient_checkpointing",
    ],
);
const EPOCHS: Row = ("`max_steps` says how long is learned", false, &["num_train_epochs"]);
const PLACES: Row = (
    "every step is told, and nothing but the model is written",
    true,
    &["logging_steps", "output_dir", "report_to", "save_strategy"],
);

/// Settings that have no effect on `Rtn` and `KQuant`.
pub(crate) fn of_weights() -> Map<String, Value> {
    ignored(&[PROCESSOR, EXPERTS])
}

/// Settings that have no effect on `Gptq`, those of `GptqQuantizer` and `GptqModel` among them.
pub(crate) fn of_gptq() -> Map<String, Value> {
    ignored(&[PROCESSOR, MODULES, DAMPING, TYPES, EXPERTS])
}

/// Settings that have no effect on `Awq`, those of `AutoAWQQuantizer` among them.
pub(crate) fn of_awq() -> Map<String, Value> {
    ignored(&[PROCESSOR, TYPES, EXPERTS])
}

/// Settings that have no effect on `AutoClip`.
pub(crate) fn of_clip() -> Map<String, Value> {
    ignored(&[PROCESSOR, EXPERTS, TOKENS])
}

/// Settings that have no effect on `SmoothQuant`.
pub(crate) fn of_smoothing() -> Map<String, Value> {
    ignored(&[PROCESSOR, EXPERTS, FOLDING])
}

/// Settings that have no effect on `QuaRot`.
pub(crate) fn of_rotation() -> Map<String, Value> {
    ignored(&[PROCESSOR])
}

/// Settings that have no effect on `SpinQuant`.
pub(crate) fn of_spin() -> Map<String, Value> {
    ignored(&[PROCESSOR, ACTIVATIONS])
}

/// Settings of a training that have no effect on that of `SpinQuant`.
pub(crate) fn left_out_of_spin() -> Map<String, Value> {
    ignored(&[STEPS, EPOCHS, PLACES])
}

/// Settings that have no effect on `SelectiveMixedPrecision`.
pub(crate) fn of_mixed_precision() -> Map<String, Value> {
    ignored(&[PROCESSOR, EXPERTS, MEMORY])
}

/// Settings that no pass has.
pub(crate) fn unavailable() -> Map<String, Value> {
    marks(&[("only_lm_head", "name the others in `modules_to_not_convert`", off())])
}

/// Settings that `Gptq` does not have.
pub(crate) fn unavailable_in_gptq() -> Map<String, Value> {
    marks(&[
        ("rotation", "put `QuaRot` before this pass", vec![Value::Null]),
        (
            "mse",
            "ranges are those of the weights; `AutoClip` narrows them",
            vec![json!(0), json!(0.0)],
        ),
        ("dynamic", "`overrides` and `modules_to_not_convert` say it", vec![Value::Null]),
        (
            "dataset",
            "nothing is downloaded; name a data config in `data_config`",
            vec![Value::Null],
        ),
    ])
}

/// Settings that `SpinQuant` does not have.
pub(crate) fn unavailable_in_spin() -> Map<String, Value> {
    let reason = "activations stay in floats; the rotation is learned for weights in `bits`";
    marks(&[("a_bits", reason, vec![Value::Null, json!(16)])])
}

/// Settings that `Awq` does not have.
pub(crate) fn unavailable_in_awq() -> Map<String, Value> {
    let gemm = vec![json!("gemm"), json!("GEMM")];
    marks(&[
        ("version", "codes are written for the matrix kernels", gemm),
        ("pack_model_for_onnx_conversion", "`ModelBuilder` reads the codes as they are", off()),
    ])
}

/// Settings that `SmoothQuant` does not have.
pub(crate) fn unavailable_in_smoothing() -> Map<String, Value> {
    let reason = "the result stays in floats; put `OnnxDynamicQuantization` after `ModelBuilder`";
    marks(&[("bits", reason, vec![json!(8)]), ("w_bit", reason, vec![json!(8)])])
}

fn off() -> Vec<Value> {
    vec![Value::Null, json!(false)]
}

fn ignored(rows: &[Row]) -> Map<String, Value> {
    let marks = rows.iter().flat_map(|(reason, is_harmless, names)| {
        names.iter().map(move |name| ((*name).to_owned(), mark(reason, *is_harmless)))
    });
    marks.collect()
}

fn mark(reason: &str, is_harmless: bool) -> Value {
    if is_harmless { json!({"reason": reason, "harmless": true}) } else { json!(reason) }
}

fn marks(options: &[(&str, &str, Vec<Value>)]) -> Map<String, Value> {
    let marks = options.iter().map(|(name, reason, unless)| {
        let unless = unless.clone();
        ((*name).to_owned(), json!(Unavailable { reason: (*reason).to_owned(), unless }))
    });
    marks.collect()
}
