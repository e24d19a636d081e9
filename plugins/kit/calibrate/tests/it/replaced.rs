//! What sites are given after weights were replaced.

use olive_kit_calibrate::{
    CalibrateError, Inputs, LayerWeights, Order, Silent, Site, Visitor, stream,
};
use olive_kit_testing::DENSE_MODELS;

use crate::recorder::{
    Recorder, by_definition, calibration, check_inputs, check_values, memory, open, walk,
};

#[test]
fn each_site_is_given_what_replaced_weights_before_it_make() {
    for model in DENSE_MODELS {
        let checkpoint = open(model);
        let mut recorder = Recorder { rounds: true, ..Recorder::default() };
        walk(&checkpoint, Order::TrueSequential, &mut recorder).unwrap();
        // The input of a site is of weights before it alone, so those after it may be replaced too.
        let expected = by_definition(&checkpoint, &|name| {
            // A shared embedding is replaced when all is computed.
            recorder.replaced.get(name).filter(|_| name.contains("layers")).cloned()
        });
        for (found, expected) in recorder.inputs.iter().zip(&expected.inputs) {
            check_inputs(model, found, expected);
        }
        let untouched = by_definition(&checkpoint, &|_| None);
        let (_, _, last) = recorder.inputs.last().unwrap();
        let pairs = last.iter().zip(&untouched.inputs.last().unwrap().2);
        let apart = pairs.map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(apart > 1e-3, "{model}: rounding makes a difference");
    }
}

#[test]
fn whole_layers_are_left_as_they_were_until_all_sites_were_visited() {
    for model in ["tiny-llama", "tiny-phi3", "tiny-gemma2"] {
        let checkpoint = open(model);
        let mut recorder = Recorder { rounds: true, ..Recorder::default() };
        walk(&checkpoint, Order::WholeLayer, &mut recorder).unwrap();
        for layer in 0..=checkpoint.decoder().num_layers {
            let is_before = |name: &str| {
                (0..layer).any(|before| name.starts_with(&format!("model.layers.{before}.")))
            };
            let expected = by_definition(&checkpoint, &|name| {
                recorder.replaced.get(name).filter(|_| is_before(name)).cloned()
            });
            for (found, expected) in recorder.inputs.iter().zip(&expected.inputs) {
                if found.0.unwrap_or(checkpoint.decoder().num_layers) == layer {
                    check_inputs(model, found, expected);
                }
            }
        }
    }
}

/// Moves a factor of each input of attention output and of down into the layers that make it, and
/// one of the input of each other site into its norm; keeps the last input.
struct Folder {
    /// Whether each head of values is read by one head of queries alone; others are left alone.
    folds_values: bool,
    last: Vec<f32>,
}

impl Folder {
    fn factor(input: usize) -> f32 {
        [0.5, 1.0, 2.0, 4.0][input % 4]
    }

    /// Divides the last rows of the last linear layer of `site`, as many as there are inputs.
    fn divide_rows(
        site: Site,
        layer: &mut LayerWeights<'_>,
        num_inputs: usize,
    ) -> Result<(), CalibrateError> {
        let linear = layer.linears(site).last().unwrap().clone();
        let first = linear.out_features - num_inputs;
        let mut values = layer.weight(&linear.name)?;
        for (row, values) in values.chunks_mut(linear.in_features).skip(first).enumerate() {
            for value in values {
                *value /= Self::factor(row);
            }
        }
        layer.replace_weight(&linear.name, &values)?;
        let Some(mut bias) = layer.bias(&linear.name).map(<[f32]>::to_vec) else { return Ok(()) };
        for (row, value) in bias.iter_mut().skip(first).enumerate() {
            *value /= Self::factor(row);
        }
        layer.replace_bias(&linear.name, &bias)
    }
}

impl Visitor for Folder {
    type Error = CalibrateError;

    fn visit(
        &mut self,
        site: Site,
        layer: &mut LayerWeights<'_>,
        inputs: &mut Inputs<'_>,
    ) -> Result<(), CalibrateError> {
        self.last.clear();
        inputs.each(|rows| {
            self.last.extend_from_slice(rows);
            Ok::<_, CalibrateError>(())
        })?;
        let width = inputs.width();
        match site {
            Site::Output if !self.folds_values => return Ok(()),
            Site::Output => Self::divide_rows(Site::Qkv, layer, width)?,
            Site::Down => Self::divide_rows(Site::GateUp, layer, width)?,
            Site::Qkv | Site::GateUp | Site::LmHead => {
                let mut norm = layer.norm(site).unwrap().weight().to_vec();
                for (input, value) in norm.iter_mut().enumerate() {
                    *value /= Self::factor(input);
                }
                layer.replace_norm(site, &norm)?;
            }
        }
        for linear in layer.linears(site).to_vec() {
            let mut values = layer.weight(&linear.name)?;
            for row in values.chunks_mut(width) {
                let pairs = row.iter_mut().enumerate();
                pairs.for_each(|(input, value)| *value *= Self::factor(input));
            }
            layer.replace_weight(&linear.name, &values)?;
        }
        Ok(())
    }
}

#[test]
fn factors_move_between_neighbors_and_leave_the_model_as_it_was() {
    for model in DENSE_MODELS {
        let checkpoint = open(model);
        let expected = by_definition(&checkpoint, &|_| None);
        for order in [Order::TrueSequential, Order::WholeLayer] {
            let folds_values = checkpoint.decoder().num_kv_heads == checkpoint.decoder().num_heads;
            let mut folder = Folder { folds_values, last: Vec::new() };
            walk(&checkpoint, order, &mut folder).unwrap();
            let (_, _, expected) = expected.inputs.last().unwrap();
            check_values(&format!("{model} {order:?}"), &folder.last, expected);
        }
    }
}

/// Halves rows of the embedding, then keeps the first input.
#[derive(Default)]
struct Halver {
    recorder: Recorder,
}

impl Visitor for Halver {
    type Error = CalibrateError;

    fn embedding(&mut self, rows: &mut [f32]) -> Result<(), CalibrateError> {
        for value in rows {
            *value *= 0.5;
        }
        Ok(())
    }

    fn visit(
        &mut self,
        site: Site,
        layer: &mut LayerWeights<'_>,
        inputs: &mut Inputs<'_>,
    ) -> Result<(), CalibrateError> {
        self.recorder.visit(site, layer, inputs)
    }
}

#[test]
fn a_changed_embedding_is_what_the_layers_read() {
    for model in ["tiny-phi3", "tiny-gemma"] {
        let (checkpoint, mut halver) = (open(model), Halver::default());
        let data = calibration(&checkpoint);
        let order = Order::TrueSequential;
        stream(&checkpoint, &data, &memory(), order, &mut halver, &mut Silent).unwrap();
        let expected = by_definition(&checkpoint, &|name| {
            let stored = checkpoint.tensor(name).unwrap().to_f32();
            let halved = || stored.iter().map(|value| value * 0.5).collect();
            name.contains("embed").then(halved)
        });
        // Without the last: it is of a shared embedding's own site.
        for (found, expected) in halver.recorder.inputs.iter().zip(&expected.inputs) {
            check_inputs(model, found, expected);
        }
    }
}
