//! Graphs run by ONNX Runtime's kernels for processors.

use std::env;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Once, OnceLock};

use half::f16;
use olive_kit_testing::fixture;
use ort::environment::Environment;
use ort::memory::Allocator;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynTensor, Tensor, TensorElementType};
use serde_json::Value;

/// Variable that names the library; `cargo xtask test` sets it.
const LIBRARY: &str = "OLIVE_ONNXRUNTIME_LIB";

/// Whether there is a library; says once when there is not.
pub(crate) fn has_library() -> bool {
    static SAID: Once = Once::new();
    let is_named = env::var_os(LIBRARY).is_some_and(|path| !path.is_empty());
    if !is_named {
        // Not by `eprintln!`: the harness hides what passing tests print.
        let line = format!("skipped: {LIBRARY} names no ONNX Runtime library\n");
        SAID.call_once(|| io::stderr().write_all(line.as_bytes()).unwrap());
    }
    is_named
}

/// Logits of a whole sequence from the model in `folder`, `[tokens, vocab_size]`.
pub(crate) fn logits(folder: &Path, tokens: &[u32]) -> Vec<f32> {
    let mut session = Session::builder(environment())
        .unwrap()
        .commit_from_file(folder.join("model.onnx"))
        .unwrap();
    let config = std::fs::read(folder.join("genai_config.json")).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    let decoder = &config["model"]["decoder"];
    let names: Vec<_> = session.inputs().iter().map(|it| it.name().to_owned()).collect();
    let types = session.inputs().iter().map(|input| input.dtype().tensor_type().unwrap());
    let types: Vec<TensorElementType> = types.collect();
    let inputs = names.iter().zip(types).map(|(name, dtype)| -> (&str, SessionInputValue<'_>) {
        let row = |values: Vec<i64>| Tensor::from_array(([1, values.len()], values)).unwrap();
        let count = 0..i64::try_from(tokens.len()).unwrap();
        match name.as_str() {
            "input_ids" => (name, row(tokens.iter().map(|&token| token.into()).collect()).into()),
            "attention_mask" => (name, row(vec![1; tokens.len()]).into()),
            "position_ids" => (name, row(count.collect()).into()),
            past => (name, empty_past(past, dtype, decoder).into()),
        }
    });
    let inputs: Vec<_> = inputs.collect();
    let outputs = session.run(inputs).unwrap();
    let logits = &outputs["logits"];
    match logits.try_extract_tensor::<f32>() {
        Ok((_, values)) => values.to_vec(),
        Err(_) => {
            let (_, values) = logits.try_extract_tensor::<f16>().unwrap();
            values.iter().map(|value| value.to_f32()).collect()
        }
    }
}

/// A past without positions; one with a window has room for the window all the same.
fn empty_past(name: &str, dtype: TensorElementType, decoder: &Value) -> DynTensor {
    let layer: u64 = name.split('.').nth(1).unwrap().parse().unwrap();
    let window = &decoder["sliding_window"];
    let has_window = window["layers"].as_array().is_some_and(|it| it.contains(&layer.into()));
    let size = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let positions = if has_window { size(&window["window_size"]) } else { 0 };
    let heads = size(&decoder["num_key_value_heads"]);
    let shape = [1, heads, positions, size(&decoder["head_size"])];
    DynTensor::new(&Allocator::default(), dtype, shape).unwrap()
}

fn environment() -> &'static Environment {
    static LOADED: OnceLock<Environment> = OnceLock::new();
    LOADED.get_or_init(|| {
        let builder = ort::init_from(env::var_os(LIBRARY).unwrap()).unwrap();
        builder.with_telemetry(false).build().unwrap()
    })
}

/// Tokens and logits of the fixture `model` as transformers computes them.
pub(crate) fn reference(model: &str, case: &str) -> (Vec<u32>, Vec<f32>) {
    let file = olive_kit_testing::Tensors::open(fixture(model).join("ref.safetensors"));
    (file.tokens(&format!("{case}input_ids")), file.f32s(&format!("{case}logits")))
}
