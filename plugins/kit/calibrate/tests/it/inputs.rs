//! What sites are given when nothing is replaced, and what changes no bit of it.

use olive_kit_adapters::Adapters;
use olive_kit_calibrate::{Calibration, Memory, Order, Silent, stream};
use olive_kit_decoder::{Batch, Storage, Transformer};
use olive_kit_testing::{DENSE_MODELS, QUANTIZED_MODELS};

use crate::recorder::{
    Recorder, by_definition, calibration, check_inputs, check_values, memory, open, walk,
};

const ORDERS: [Order; 2] = [Order::TrueSequential, Order::WholeLayer];

/// Largest difference of a logit from that of the model in one piece.
const LOGIT: f64 = 1e-5;

#[test]
fn sites_are_given_what_the_definition_of_the_model_says() {
    for model in DENSE_MODELS {
        let checkpoint = open(model);
        let expected = by_definition(&checkpoint, &|_| None);
        for order in ORDERS {
            let mut recorder = Recorder::default();
            walk(&checkpoint, order, &mut recorder).unwrap();
            assert_eq!(recorder.inputs.len(), expected.inputs.len());
            for (found, expected) in recorder.inputs.iter().zip(&expected.inputs) {
                check_inputs(&format!("{model} {order:?}"), found, expected);
            }
        }
    }
}

#[test]
fn a_walk_that_changes_nothing_ends_with_the_logits_of_the_model() {
    for model in [&DENSE_MODELS[..], &QUANTIZED_MODELS].concat() {
        let checkpoint = open(model);
        let decoder = checkpoint.decoder();
        let mut recorder = Recorder::default();
        walk(&checkpoint, Order::TrueSequential, &mut recorder).unwrap();
        let (_, _, inputs) = recorder.inputs.last().unwrap();
        let weight = checkpoint.linear(&decoder.lm_head()).unwrap().to_f32();
        let cap =
            |logit: f64| decoder.logit_softcap.map_or(logit, |cap| cap * (logit / cap).tanh());
        let mut logits = Vec::new();
        for row in inputs.chunks(decoder.hidden_size) {
            for weight in weight.chunks(decoder.hidden_size) {
                let products = weight.iter().zip(row).map(|(w, x)| f64::from(*w) * f64::from(*x));
                logits.push(cap(products.sum()));
            }
        }

        let mut transformer = Transformer::load(&checkpoint, Storage::default()).unwrap();
        let mut sequences = calibration(&checkpoint).sequences;
        sequences.sort_by_key(Vec::len);
        let expected = sequences.into_iter().flat_map(|tokens| {
            transformer.logits(&Batch::causal(tokens, 1), &Adapters::none()).unwrap()
        });
        let expected: Vec<f32> = expected.collect();
        assert_eq!(logits.len(), expected.len());
        let apart = logits.iter().zip(&expected).map(|(a, b)| (a - f64::from(*b)).abs());
        let apart = apart.fold(0.0, f64::max);
        assert!(apart <= LOGIT, "{model}: {apart}");
    }
}

#[test]
fn logits_of_the_definition_are_those_of_the_model() {
    let checkpoint = open("tiny-gemma2");
    let mut sequences = calibration(&checkpoint).sequences;
    sequences.sort_by_key(Vec::len);
    let mut transformer = Transformer::load(&checkpoint, Storage::default()).unwrap();
    let found = sequences.into_iter().flat_map(|tokens| {
        transformer.logits(&Batch::causal(tokens, 1), &Adapters::none()).unwrap()
    });
    let found: Vec<f32> = found.collect();
    check_values("logits", &found, &by_definition(&checkpoint, &|_| None).logits);
}

#[test]
fn neither_files_nor_pieces_nor_threads_change_a_bit() {
    for model in ["tiny-phi3", "tiny-gemma2"] {
        for order in ORDERS {
            let expected = bits(model, order, &memory(), 2);
            let in_file = Memory { states_bytes: 0, ..memory() };
            assert!(bits(model, order, &in_file, 2) == expected, "{model} {order:?} in a file");
            // The residual stream has room in memory, what is wider has not.
            let in_both = Memory { states_bytes: 82 * 64 * 4, ..memory() };
            assert!(bits(model, order, &in_both, 2) == expected, "{model} {order:?} in both");
            for rows_at_once in [1, 13, 30] {
                let memory = Memory { rows_at_once, ..memory() };
                assert!(bits(model, order, &memory, 2) == expected, "{model} {rows_at_once}");
            }
            assert!(bits(model, order, &memory(), 1) == expected, "{model} {order:?} one thread");
        }
    }
}

/// Bits of all inputs of a walk that rounds weights.
fn bits(model: &str, order: Order, memory: &Memory, num_threads: usize) -> Vec<Vec<u32>> {
    let checkpoint = open(model);
    let mut recorder = Recorder { rounds: true, ..Recorder::default() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(num_threads).build().unwrap();
    let data = calibration(&checkpoint);
    pool.install(|| stream(&checkpoint, &data, memory, order, &mut recorder, &mut Silent)).unwrap();
    let bits = |(_, _, rows): (_, _, Vec<f32>)| rows.into_iter().map(f32::to_bits).collect();
    recorder.inputs.into_iter().map(bits).collect()
}

#[test]
fn sequences_are_walked_from_short_to_long() {
    let checkpoint = open("tiny-llama");
    let mut in_order = calibration(&checkpoint);
    in_order.sequences.sort_by_key(Vec::len);
    let given = |calibration: &Calibration| {
        let mut recorder = Recorder::default();
        let order = Order::TrueSequential;
        stream(&checkpoint, calibration, &memory(), order, &mut recorder, &mut Silent).unwrap();
        recorder.inputs.swap_remove(0).2
    };
    assert!(given(&in_order) == given(&calibration(&checkpoint)));
}
