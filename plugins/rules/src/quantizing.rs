//! What quantizing a checkpoint needs, by the sums that `olive-plugin-quantize` tells before it starts.

use olive_validator_api::{Document, PlannedStep, integer, switch};

use crate::choice::Choice;
use crate::model::Linear;
use crate::need::{FLOAT, Need};
use crate::parts::is;
use crate::shape::{Shape, size};
use crate::walk::{Samples, Walk};

/// Built-in passes that quantize, or make ready for it.
const PASSES: [&str; 6] = ["Rtn", "KQuant", "Gptq", "Awq", "AutoClip", "SmoothQuant"];

/// Rows whose sums are kept at once.
const ROWS_AT_ONCE: f64 = 4096.0;

/// Rows of each of the two bands in which an error is measured.
const BAND: f64 = 512.0;

/// Tokens that `SmoothQuant` measures errors on.
const SMOOTH_TOKENS: f64 = 512.0;

/// Bytes of a scale with its zero point, in memory and in a file.
const STEP: [f64; 2] = [FLOAT + 1.0, 2.5];

/// Whether the step's pass is a built-in one that quantizes.
pub(crate) fn quantizes(step: &PlannedStep) -> bool {
    PASSES.iter().any(|kind| is(step, kind))
}

/// Whether the result of the step stays in floats.
pub(crate) fn stays_in_floats(step: &PlannedStep) -> bool {
    is(step, "AutoClip")
        || is(step, "SmoothQuant")
        || is(step, "Awq") && switch(&step.config, "export_compatible") == Some(true)
}

/// Codes that a step leaves in the place of weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Codes {
    /// Bits of a weight inside the layers, on average.
    pub(crate) bits: f64,
    /// The most bits that one of them has.
    pub(crate) most_bits: f64,
    /// Bits of a weight of the layer of logits or the embedding.
    pub(crate) table_bits: f64,
    /// Inputs of a group.
    pub(crate) group: f64,
    /// Whether there are no zero points.
    pub(crate) is_symmetric: bool,
    /// Whether the layer of logits is in codes, its own or those of the embedding.
    pub(crate) has_logits: bool,
    /// Whether the embedding is.
    pub(crate) has_embedding: bool,
}

/// Quantizing a checkpoint of a shape, with grids that were chosen before.
pub(crate) fn need(
    document: &Document,
    step: &PlannedStep,
    shape: &Shape,
    choice: Option<Choice>,
) -> Need {
    let quantization = Quantization { step, shape, choice };
    let (memory, flops) = if is(step, "Rtn") || is(step, "KQuant") {
        (quantization.by_weights(), 0.0)
    } else {
        let samples = Samples::of(document, step);
        (quantization.on_data(samples), quantization.flops(samples.tokens()))
    };
    let table = quantization.table_memory();
    let sum = |memory: &[(&str, f64)]| memory.iter().map(|(_, bytes)| bytes).sum::<f64>();
    let memory = if sum(&table) > sum(&memory) { table } else { memory };
    Need { memory, disk: quantization.result_bytes(), flops, confidence: 0.6 }
}

/// Measuring, on data, what rounding costs the outputs of all linear layers, which stay as they are.
pub(crate) fn measuring(document: &Document, step: &PlannedStep, shape: &Shape) -> Need {
    let quantization = Quantization { step, shape, choice: None };
    let samples = Samples::of(document, step);
    let (memory, flops) = (quantization.on_data(samples), quantization.flops(samples.tokens()));
    Need { memory, disk: 0.0, flops, confidence: 0.6 }
}

/// Whether the layer of logits gets a weight of its own by the step, which it has shared.
pub(crate) fn unties(step: &PlannedStep, shape: &Shape) -> bool {
    shape.ties && is_on(step, "lm_head") && !is_on(step, "embeds")
}

/// The codes that a step which quantizes makes.
pub(crate) fn codes(step: &PlannedStep, shape: &Shape, choice: Option<Choice>) -> Codes {
    let quantization = Quantization { step, shape, choice };
    let [bits, most_bits, table_bits] = quantization.bits();
    let has_embedding = is_on(step, "embeds");
    Codes {
        bits,
        most_bits,
        table_bits,
        group: quantization.group(),
        is_symmetric: choice
            .and_then(|choice| choice.is_symmetric)
            .unwrap_or_else(|| is_on(step, "sym")),
        has_logits: is_on(step, "lm_head") || has_embedding && shape.ties,
        has_embedding,
    }
}

struct Quantization<'a> {
    step: &'a PlannedStep,
    shape: &'a Shape,
    choice: Option<Choice>,
}

/// What is in memory at once, in bytes by name.
type Memory = Vec<(&'static str, f64)>;

impl Quantization<'_> {
    /// A matrix as it is stored, in floats and as its codes say, and the codes of a layer.
    fn by_weights(&self) -> Memory {
        let head = if self.is_on("lm_head") { self.shape.logits_matrix() } else { 0.0 };
        let (layer, largest) = (self.shape.layer(), self.shape.largest_matrix());
        let at_work = 2.0 + 2.0 * FLOAT;
        if at_work * head + self.kept(head) > at_work * largest + self.kept(layer) {
            return vec![("matrix", at_work * head), ("codes", self.kept(head))];
        }
        vec![("matrix", at_work * largest), ("codes", self.kept(layer))]
    }

    /// One layer, hidden states, and the costliest site of the layer, or the logits.
    fn on_data(&self, samples: Samples) -> Memory {
        let is_gptq = is(self.step, "Gptq");
        let is_sequential = is_gptq && switch(&self.step.config, "true_sequential") != Some(false);
        let whole_layers = !is_sequential && !self.only_measures();
        let Walk { states, activations } = Walk::of(self.shape, samples, whole_layers);
        let (mut kept, mut most) = (0.0, ([0.0; 3], 0.0));
        for site in self.shape.sites() {
            kept += self.kept(site.iter().map(|linear| size(linear)).sum());
            let parts = self.site(&site, kept);
            most = larger(most, (parts, FLOAT * self.shape.layer()));
        }
        if self.is_on("lm_head") || self.only_measures() {
            let (inputs, outputs) = (self.shape.hidden, self.shape.vocabulary);
            let kept = self.kept(inputs * outputs);
            most = larger(most, (self.parts(inputs, outputs, inputs * outputs, 1, kept), 0.0));
        }
        let ([matrices, hessian, codes], weights) = most;
        vec![
            ("weights", weights),
            ("hidden_states", states),
            ("activations", activations),
            ("matrices", matrices),
            ("hessian", hessian + self.table_hessian()),
            ("codes", codes),
        ]
    }

    /// The embedding, where it is quantized.
    fn table_memory(&self) -> Memory {
        if !self.is_on("embeds") {
            return Vec::new();
        }
        let values = self.shape.logits_matrix();
        vec![
            ("matrix", (2.0 + 2.0 * FLOAT) * values),
            ("hessian", self.table_hessian()),
            ("codes", self.kept(values)),
        ]
    }

    /// The Gram matrix of the inputs of the logits and its factor, where GPTQ solves the embedding for
    /// them.
    fn table_hessian(&self) -> f64 {
        let is_solved = is(self.step, "Gptq") && self.shape.ties && self.is_on("embeds");
        if is_solved { 2.0 * FLOAT * self.shape.hidden.powi(2) } else { 0.0 }
    }

    /// Bytes of the matrices of a site and of what one of them becomes, of its Gram matrix with the
    /// factor of that, and of codes.
    fn site(&self, site: &[&Linear], kept: f64) -> [f64; 3] {
        let matrices = site.iter().map(|linear| size(linear)).sum();
        let of = |linear: &&Linear| {
            let (inputs, outputs) = (linear.inputs as f64, linear.outputs as f64);
            self.parts(inputs, outputs, matrices, site.len(), kept)
        };
        let all = site.iter().map(of);
        all.fold([0.0; 3], |most, parts| larger((most, 0.0), (parts, 0.0)).0)
    }

    fn parts(
        &self,
        inputs: f64,
        outputs: f64,
        matrices: f64,
        num_matrices: usize,
        kept: f64,
    ) -> [f64; 3] {
        let is_smooth = is(self.step, "SmoothQuant");
        let gram = if is_smooth { 0.0 } else { FLOAT * inputs.powi(2) };
        let measured = FLOAT * inputs * (outputs + 2.0 * outputs.min(BAND));
        let sums = FLOAT * inputs * outputs.min(ROWS_AT_ONCE);
        let (made, more) = match (is(self.step, "Gptq"), num_matrices > 1) {
            (false, _) if is_smooth => {
                (FLOAT * (inputs * outputs + 2.0 * SMOOTH_TOKENS * (inputs + outputs)), 0.0)
            }
            (false, _) if self.only_measures() => (measured, 0.0),
            (false, _) => (FLOAT * inputs * outputs + measured, 0.0),
            (true, true) => (sums.max(measured), gram),
            (true, false) if gram + sums > measured => (sums, gram),
            (true, false) => (measured, 0.0),
        };
        [FLOAT * matrices + made, gram + more, kept]
    }

    /// Bytes that are kept of so many values until they are written.
    fn kept(&self, values: f64) -> f64 {
        if stays_in_floats(self.step) {
            FLOAT * values
        } else {
            values * (1.0 + STEP[0] / self.group())
        }
    }

    /// Operations: a forward, Gram matrices, and what GPTQ solves.
    fn flops(&self, tokens: f64) -> f64 {
        let matrices = self.shape.matrices();
        let layer = |site: &Vec<&Linear>| {
            let inputs = site.first().map_or(0.0, |linear| linear.inputs as f64);
            let outputs: f64 = site.iter().map(|linear| linear.outputs as f64).sum();
            let solve = if is(self.step, "Gptq") { outputs + inputs / 3.0 } else { 0.0 };
            let gram = if is(self.step, "SmoothQuant") { 0.0 } else { tokens };
            inputs.powi(2) * (gram + solve)
        };
        2.0 * matrices * tokens
            + self.shape.layers * self.shape.sites().iter().map(layer).sum::<f64>()
    }

    /// Bytes of the files.
    fn result_bytes(&self) -> f64 {
        let Shape { stored_bytes, values, .. } = *self.shape;
        let (table, each) = (self.shape.logits_matrix(), stored_bytes / values.max(1.0));
        let unties = unties(self.step, self.shape);
        if stays_in_floats(self.step) {
            return stored_bytes + if unties { each * table } else { 0.0 };
        }
        let [bits, _, table_bits] = self.bits();
        let embedding = if self.is_on("embeds") { table } else { 0.0 };
        let is_own = self.is_on("lm_head") && !(self.shape.ties && self.is_on("embeds"));
        let tables = embedding + if is_own { table } else { 0.0 };
        let quantized = self.shape.matrices() + tables;
        // A head of its own that shared its weight is not taken from the rest.
        let taken = quantized - if unties { table } else { 0.0 };
        let rest = (values - taken).max(0.0) * each;
        let codes = (bits * self.shape.matrices() + table_bits * tables) / 8.0;
        rest + codes + quantized * STEP[1] / self.group()
    }

    /// Bits of a weight inside the layers on average and at most, and of one of a table.
    fn bits(&self) -> [f64; 3] {
        let own = integer(&self.step.config, "bits").unwrap_or(4) as f64;
        match self.choice {
            Some(Choice { bits: [low, high], of_layers, of_logits, .. }) => {
                [of_layers, low.max(high), of_logits]
            }
            None => [own; 3],
        }
    }

    /// Inputs of a group.
    fn group(&self) -> f64 {
        let usual = if is(self.step, "KQuant") { 32.0 } else { 128.0 };
        let chosen = self.choice.and_then(|choice| choice.group);
        match chosen.or_else(|| integer(&self.step.config, "group_size")) {
            Some(-1) => self.shape.hidden.max(1.0),
            Some(size) => (size as f64).max(1.0),
            None => usual,
        }
    }

    /// Whether all is as it was after the step.
    fn only_measures(&self) -> bool {
        is(self.step, "SelectiveMixedPrecision")
    }

    fn is_on(&self, key: &str) -> bool {
        is_on(self.step, key)
    }
}

fn is_on(step: &PlannedStep, key: &str) -> bool {
    switch(&step.config, key) == Some(true)
}

/// What takes more, with the weights that are there meanwhile.
fn larger(one: ([f64; 3], f64), other: ([f64; 3], f64)) -> ([f64; 3], f64) {
    let sum = |(parts, weights): &([f64; 3], f64)| parts.iter().sum::<f64>() + weights;
    if sum(&other) > sum(&one) { other } else { one }
}
