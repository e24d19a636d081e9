//! What ends a walk, and what a visitor may not do.

use std::cell::Cell;
use std::fs;

use olive_kit_calibrate::{
    CalibrateError, Calibration, Inputs, LayerWeights, Memory, Observer, Order, Progress, Silent,
    Site, Visitor, stream,
};

use crate::recorder::{Recorder, calibration, memory, open, walk};

/// Does one thing at one site of the layer 0, then walks the inputs.
struct Once<F> {
    site: Site,
    act: F,
}

impl<F> Visitor for Once<F>
where
    F: FnMut(&mut LayerWeights<'_>) -> Result<(), CalibrateError>,
{
    type Error = CalibrateError;

    fn visit(
        &mut self,
        site: Site,
        layer: &mut LayerWeights<'_>,
        inputs: &mut Inputs<'_>,
    ) -> Result<(), CalibrateError> {
        if site == self.site && layer.index() == Some(0) {
            (self.act)(layer)?;
        }
        inputs.each(|_| Ok(()))
    }
}

fn refused(
    site: Site,
    order: Order,
    act: impl FnMut(&mut LayerWeights<'_>) -> Result<(), CalibrateError>,
) -> String {
    walk(&open("tiny-llama"), order, &mut Once { site, act }).unwrap_err().to_string()
}

fn of_data(sequences: Vec<Vec<u32>>) -> String {
    let (checkpoint, mut recorder) = (open("tiny-llama"), Recorder::default());
    let (data, order) = (Calibration { sequences }, Order::TrueSequential);
    let ended = stream(&checkpoint, &data, &memory(), order, &mut recorder, &mut Silent);
    assert!(recorder.inputs.is_empty());
    ended.unwrap_err().to_string()
}

#[test]
fn data_that_the_model_cannot_read_is_named() {
    assert_eq!(of_data(Vec::new()), "the calibration data has no sequence; at least one is needed");
    assert_eq!(of_data(vec![vec![1], Vec::new()]), "calibration sequence 1 has no tokens");
    let limit = open("tiny-llama").decoder().max_positions;
    assert_eq!(
        of_data(vec![vec![1; limit], vec![1; limit + 1]]),
        format!(
            "calibration sequence 1 has {} tokens, but the model has positions for {limit}; cut \
             sequences to at most {limit} tokens",
            limit + 1
        )
    );
    let message = of_data(vec![vec![1, 1_000_000]]);
    assert!(message.contains("token 1000000 lies outside"), "{message}");
}

#[test]
fn inputs_that_are_not_finite_name_layer_and_site() {
    let message = refused(Site::Output, Order::TrueSequential, |layer| {
        let linear = layer.linears(Site::Output)[0].clone();
        let mut values = layer.weight(&linear.name)?;
        values[3 * linear.in_features] = f32::NAN;
        layer.replace_weight(&linear.name, &values)
    });
    let expected = "the inputs of gate and up in layer 0 are not finite in calibration sequence 1: \
                    input 0 of token 0 is NaN";
    assert_eq!(message, expected);
}

#[test]
fn weights_that_were_computed_with_are_too_late_to_replace() {
    let query = "model.layers.0.self_attn.q_proj";
    let late = |layer: &mut LayerWeights<'_>| {
        let values = layer.weight(query)?;
        layer.replace_weight(query, &values)
    };
    let message = refused(Site::GateUp, Order::TrueSequential, late);
    assert_eq!(
        message,
        format!(
            "`{query}` cannot be replaced at gate and up, where it was computed with before; \
             replace it at its own site, or take whole layers"
        )
    );
    let message = refused(Site::Down, Order::TrueSequential, |layer| {
        let values = layer.norm(Site::Qkv).map_or(Vec::new(), |norm| norm.weight().to_vec());
        layer.replace_norm(Site::Qkv, &values)
    });
    assert!(message.contains("`model.layers.0.input_layernorm.weight` cannot"), "{message}");
    for (site, order) in [(Site::GateUp, Order::WholeLayer), (Site::Output, Order::TrueSequential)]
    {
        walk(&open("tiny-llama"), order, &mut Once { site, act: late }).unwrap();
    }
}

#[test]
fn modules_and_lengths_that_do_not_fit_are_named() {
    let order = Order::TrueSequential;
    let message = refused(Site::Qkv, order, |layer| layer.replace_weight("lm_head", &[]));
    assert_eq!(message, "`lm_head` is no module of layer 0");
    let message = refused(Site::Qkv, order, |layer| layer.weight("mlp").map(drop));
    assert_eq!(message, "`mlp` is no module of layer 0");
    let down = "model.layers.0.mlp.down_proj";
    let message = refused(Site::Qkv, order, |layer| layer.replace_weight(down, &[1.0]));
    assert!(message.starts_with(&format!("`{down}` has ")), "{message}");
    assert!(message.ends_with("values, but 1 were given for it"), "{message}");
    let message = refused(Site::Qkv, order, |layer| layer.replace_bias(down, &[1.0]));
    assert_eq!(message, format!("`{down}` has 0 values, but 1 were given for it"));
    let message = refused(Site::Qkv, order, |layer| layer.replace_norm(Site::Output, &[]));
    assert_eq!(message, "`the norm of attention output` is no module of layer 0");
}

/// Asks to stop when it was asked so often.
struct Impatient {
    questions: Cell<usize>,
    most: usize,
    visited: Vec<Progress>,
}

impl Observer for Impatient {
    fn visited(&mut self, progress: &Progress) {
        self.visited.push(*progress);
    }

    fn is_cancelled(&self) -> bool {
        self.questions.set(self.questions.get() + 1);
        self.questions.get() > self.most
    }
}

#[test]
fn a_walk_ends_where_it_is_asked_to() {
    let (checkpoint, folder) = (open("tiny-llama"), tempfile::tempdir().unwrap());
    let data = calibration(&checkpoint);
    let memory = Memory { states_bytes: 0, ..Memory::new(folder.path()) };
    for most in [0, 3, 7, 20, usize::MAX] {
        let mut observer = Impatient { questions: Cell::new(0), most, visited: Vec::new() };
        let (order, mut recorder) = (Order::TrueSequential, Recorder::default());
        let ended = stream(&checkpoint, &data, &memory, order, &mut recorder, &mut observer);
        assert_eq!(observer.visited.len(), recorder.inputs.len());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "files are left");
        let Err(error) = ended else {
            let total = checkpoint.decoder().num_layers * 4 + 1;
            let last = Progress { layer: None, site: Site::LmHead, done: total, total };
            assert_eq!(observer.visited.last(), Some(&last));
            continue;
        };
        assert!(matches!(error, CalibrateError::Cancelled), "{error}");
        assert_eq!(observer.questions.get(), most + 1, "it goes on after it was asked to stop");
    }
}
