//! `SmoothQuant` changes no function, and 8 bits for inputs and weights cost less after it.

use std::fs;
use std::path::Path;

use olive_kit_adapters::Adapters;
use olive_kit_calibrate::{
    CalibrateError, Calibration, Inputs, LayerWeights, Memory, Order, Silent, Site, Visitor, stream,
};
use olive_kit_checkpoint::{Checkpoint, CheckpointWriter, Dtype, TensorSpec};
use olive_kit_decoder::{Storage, Transformer};
use olive_kit_testing::engines::long_batch;
use olive_kit_testing::{DENSE_MODELS, file_names, fixture, largest_difference};
use olive_plugin_api::StepEvent;
use olive_plugin_api::testing::Recorder;
use serde_json::json;
use tempfile::TempDir;

use crate::{made, prepare, request, request_with};

/// Largest difference of a logit: weights are multiplied and divided in f32.
const LOGITS: f32 = 1e-4;
/// Inputs of gate and up that stand out, and how far.
const OUTLIERS: [usize; 2] = [5, 40];
const FACTOR: f32 = 200.0;

#[test]
fn logits_of_every_family_stay_as_they_are() {
    for model in DENSE_MODELS {
        for alpha in [json!(0.5), json!("auto")] {
            let output = tempfile::tempdir().unwrap();
            made(&request_with("SmoothQuant", model, &json!({"alpha": alpha}), output.path()));
            let (before, after) = (logits(model, &fixture(model)), logits(model, output.path()));
            let largest = largest_difference(&after, &before);
            assert!(largest <= LOGITS, "{model} {alpha}: logits differ by {largest}");
        }
    }
}

#[test]
fn eight_bits_cost_less_where_inputs_stood_out() {
    let folder = with_outliers("tiny-llama");
    let before = gate_error(folder.path());
    for alpha in [json!(0.5), json!("auto")] {
        let output = tempfile::tempdir().unwrap();
        let settings = json!({"alpha": alpha});
        let mut request = request_with("SmoothQuant", "tiny-llama", &settings, output.path());
        request["input"]["model_path"] = json!(folder.path());
        let events = made(&request);
        let after = gate_error(output.path());
        assert!(after < 0.2 * before, "{alpha}: {after} {before}");
        let [error, error_before] = figures(&events, 1);
        assert!(error < 0.7 * error_before, "{alpha}: {error} {error_before}");
        let lines = events.logs();
        let is_told =
            |line: &&String| line.starts_with("layer 1 of 2") && line.ends_with(" before");
        assert_eq!(lines.iter().filter(is_told).count(), 1, "{lines:?}");
    }
}

#[test]
fn a_search_is_worth_no_less_than_no_scales() {
    let output = tempfile::tempdir().unwrap();
    let settings = json!({"alpha": "auto"});
    let events = made(&request_with("SmoothQuant", "tiny-llama", &settings, output.path()));
    for layer in [1, 2] {
        let [error, before] = figures(&events, layer);
        assert!(error <= before, "{layer}: {error} {before}");
    }
}

#[test]
fn the_choice_of_bits_of_another_pass_is_none_for_it() {
    let output = tempfile::tempdir().unwrap();
    let mut request = request("SmoothQuant", "tiny-llama", output.path());
    let chosen = json!({"default": {"bits": 4, "group_size": 128}, "overrides": {}});
    request["input"]["model_attributes"] = json!({"mixed_precision_info": chosen});
    made(&request);
}

#[test]
fn an_exponent_out_of_range_is_refused() {
    let output = tempfile::tempdir().unwrap();
    for alpha in [json!(1.5), json!("half")] {
        let settings = json!({"alpha": alpha});
        let request = request_with("SmoothQuant", "tiny-llama", &settings, output.path());
        let error = prepare(&request).unwrap_err();
        let is_told = error.to_string().contains("neither a number from 0 to 1 nor `auto`")
            || error.causes.iter().any(|cause| cause.contains("neither a number from 0 to 1"));
        assert!(is_told, "{error:?}");
    }
}

/// A copy of a model with inputs of gate and up that stand out; its function is the same.
fn with_outliers(model: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let source = Checkpoint::open(fixture(model)).unwrap();
    let decoder = source.decoder();
    for name in file_names(source.dir()) {
        let from = source.dir().join(&name);
        if from.is_file() && !name.ends_with(".safetensors") {
            fs::copy(from, folder.path().join(name)).unwrap();
        }
    }
    let norm = decoder.norms(0).mlp;
    let linears = decoder.layer_linears(0).gate_up;
    let tensors = decoder.tensors();
    let specs =
        tensors.iter().map(|(name, shape)| TensorSpec::new(&**name, Dtype::F32, shape.clone()));
    let mut writer = CheckpointWriter::create(folder.path(), specs.collect(), usize::MAX).unwrap();
    for (name, shape) in &tensors {
        let mut values = source.tensor(name).unwrap().to_f32().into_owned();
        for at in OUTLIERS {
            if *name == norm {
                values[at] *= FACTOR;
            }
            if linears.iter().any(|linear| linear.weight() == *name) {
                values.chunks_exact_mut(shape[1]).for_each(|row| row[at] /= FACTOR);
            }
        }
        writer.append_f32(name, &values).unwrap();
    }
    writer.finish().unwrap();
    folder
}

/// Logits of a folder for the tokens of the fixture `model`.
fn logits(model: &str, folder: &Path) -> Vec<f32> {
    let checkpoint = Checkpoint::open(folder).unwrap();
    let mut transformer = Transformer::load(&checkpoint, Storage::default()).unwrap();
    transformer.logits(&long_batch(model), &Adapters::none()).unwrap()
}

/// Error of the outputs of the first layer's gate relative to them, when its inputs and its weights
/// are rounded to 8 bits.
fn gate_error(folder: &Path) -> f64 {
    let checkpoint = Checkpoint::open(folder).unwrap();
    let sequences = vec![(1..60).collect(), (30..90).collect()];
    let mut gate = Gate::default();
    let (calibration, memory) = (Calibration { sequences }, Memory::new(folder));
    stream(&checkpoint, &calibration, &memory, Order::WholeLayer, &mut gate, &mut Silent).unwrap();
    let Gate { inputs, weight, k } = gate;
    let low = inputs.iter().copied().fold(0.0_f32, f32::min);
    let step = (inputs.iter().copied().fold(0.0_f32, f32::max) - low) / 255.0;
    let rounded: Vec<f32> = inputs.iter().map(|x| (x / step).round() * step).collect();
    let product = |x: &[f32], w: &[f32], step: f32| -> f64 {
        let rounded = |w: f32| if step == 0.0 { w } else { (w / step).round() * step };
        x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(rounded(*w))).sum()
    };
    let (mut error, mut outputs) = (0.0, 0.0);
    for row in weight.chunks_exact(k) {
        let step = row.iter().fold(0.0_f32, |max, weight| max.max(weight.abs())) / 127.0;
        for (x, rounded) in inputs.chunks_exact(k).zip(rounded.chunks_exact(k)) {
            let output = product(x, row, 0.0);
            outputs += output * output;
            error += (output - product(rounded, row, step)).powi(2);
        }
    }
    (error / outputs).sqrt()
}

/// Keeps inputs and weight of the first layer's gate.
#[derive(Default)]
struct Gate {
    inputs: Vec<f32>,
    weight: Vec<f32>,
    k: usize,
}

impl Visitor for Gate {
    type Error = CalibrateError;

    fn visit(
        &mut self,
        site: Site,
        layer: &mut LayerWeights<'_>,
        inputs: &mut Inputs<'_>,
    ) -> Result<(), CalibrateError> {
        if (site, layer.index()) != (Site::GateUp, Some(0)) {
            return Ok(());
        }
        self.k = inputs.width();
        self.weight = layer.weight(&layer.linears(site)[0].name)?;
        inputs.each(|rows| -> Result<(), CalibrateError> {
            self.inputs.extend_from_slice(rows);
            Ok(())
        })
    }
}

/// Figures of a layer: its error, and what it was before.
fn figures(events: &Recorder, layer: u64) -> [f64; 2] {
    let of_layer = |event: StepEvent| match event {
        StepEvent::Progress { unit, done, figures, .. } if unit == "layer" && done == layer => {
            Some(["error", "error_before"].map(|figure| figures[figure]))
        }
        _ => None,
    };
    events.events().into_iter().find_map(of_layer).unwrap()
}
