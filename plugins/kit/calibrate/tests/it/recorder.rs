//! A visitor that keeps what it sees, and what is compared with it.

use std::collections::BTreeMap;

use olive_kit_calibrate::{
    CalibrateError, Calibration, Inputs, LayerWeights, Memory, Order, Silent, Site, Visitor, stream,
};
use olive_kit_checkpoint::Checkpoint;
use olive_kit_testing::{fixture, random_tokens};

use crate::by_definition::{ByDefinition, Trace};

/// Lengths of calibration sequences: some are alike, and not in order.
const LENGTHS: [usize; 5] = [12, 5, 12, 48, 5];

/// Keeps inputs, and what it made of weights.
#[derive(Default)]
pub(crate) struct Recorder {
    /// Whether weights lose all but three bits of their fraction.
    pub(crate) rounds: bool,
    /// Inputs of each site in the order of visits, `[rows, width]`.
    pub(crate) inputs: Vec<(Option<usize>, Site, Vec<f32>)>,
    /// Weights that were replaced, by tensor.
    pub(crate) replaced: BTreeMap<String, Vec<f32>>,
}

impl Visitor for Recorder {
    type Error = CalibrateError;

    fn visit(
        &mut self,
        site: Site,
        layer: &mut LayerWeights<'_>,
        inputs: &mut Inputs<'_>,
    ) -> Result<(), CalibrateError> {
        let mut rows = Vec::new();
        inputs.each(|piece| {
            rows.extend_from_slice(piece);
            Ok::<_, CalibrateError>(())
        })?;
        assert_eq!(rows.len(), inputs.num_rows() * inputs.width());
        self.inputs.push((layer.index(), site, rows));
        if !self.rounds {
            return Ok(());
        }
        for linear in layer.linears(site).to_vec() {
            let values = layer.weight(&linear.name)?.into_iter().map(rounded).collect::<Vec<_>>();
            layer.replace_weight(&linear.name, &values)?;
            assert_eq!(layer.weight(&linear.name)?, values);
            self.replaced.insert(linear.weight(), values);
        }
        Ok(())
    }
}

pub(crate) fn rounded(value: f32) -> f32 {
    f32::from_bits(value.to_bits() & 0xfff0_0000)
}

pub(crate) fn open(model: &str) -> Checkpoint {
    Checkpoint::open_quantized(fixture(model)).unwrap()
}

/// Sequences of several lengths for a model.
pub(crate) fn calibration(checkpoint: &Checkpoint) -> Calibration {
    let vocab = u32::try_from(checkpoint.decoder().vocab_size).unwrap();
    let sequences = (1..).zip(LENGTHS).map(|(seed, len)| random_tokens(len, vocab, seed));
    Calibration { sequences: sequences.collect() }
}

/// Everything in memory.
pub(crate) fn memory() -> Memory {
    Memory::new(std::env::temp_dir())
}

/// Walks with the calibration data of [`calibration`].
pub(crate) fn walk<V: Visitor>(
    checkpoint: &Checkpoint,
    order: Order,
    visitor: &mut V,
) -> Result<(), V::Error> {
    stream(checkpoint, &calibration(checkpoint), &memory(), order, visitor, &mut Silent)
}

/// What a model by its definition gives for the sequences of [`calibration`], in the order in which
/// they are walked; `replaced` says which tensors are others than the checkpoint's.
pub(crate) fn by_definition(
    checkpoint: &Checkpoint,
    replaced: &dyn Fn(&str) -> Option<Vec<f32>>,
) -> Trace {
    let stored = |name: &str| checkpoint.tensor(name).unwrap().to_f32().into_owned();
    let tensor = |name: &str| replaced(name).unwrap_or_else(|| stored(name));
    let model = ByDefinition { decoder: checkpoint.decoder(), tensor: &tensor };
    let mut sequences = calibration(checkpoint).sequences;
    sequences.sort_by_key(Vec::len);
    let mut all = Trace::default();
    for sequence in &sequences {
        let trace = model.run(sequence);
        all.logits.extend(trace.logits);
        for (at, (layer, site, rows)) in trace.inputs.into_iter().enumerate() {
            match all.inputs.get_mut(at) {
                Some(inputs) => inputs.2.extend(rows),
                None => all.inputs.push((layer, site, rows)),
            }
        }
    }
    all
}

/// Largest difference of an input from its definition, in parts of the site's largest: f32 sums.
const ROUNDING: f64 = 2e-5;

pub(crate) fn check_inputs(
    what: &str,
    found: &(Option<usize>, Site, Vec<f32>),
    expected: &(Option<usize>, Site, Vec<f64>),
) {
    assert_eq!((found.0, found.1), (expected.0, expected.1), "{what}");
    check_values(&format!("{what}, layer {:?}, {}", found.0, found.1), &found.2, &expected.2);
}

pub(crate) fn check_values(what: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let pairs = found.iter().zip(expected);
    let apart = pairs.fold(0.0_f64, |most, (a, b)| most.max((f64::from(*a) - b).abs()));
    assert!(apart <= ROUNDING * largest, "{what}: {apart} of {largest}");
}
