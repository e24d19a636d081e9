//! A linear layer with a frozen weight, and what adapts it.

use std::sync::{Arc, OnceLock};

use olive_kit_adapters::{Factor, Gradients, Layer, Method, ParameterId};
use olive_kit_checkpoint as checkpoint;
use olive_kit_kernels::product::multiply_packed;
use olive_kit_kernels::vector::{add, vectorized};
use olive_kit_kernels::{Accumulate, FrozenMatrix, Matrix, MatrixMut, Precision, Threads};

use crate::adapted::{dora, loha, lokr, lora, whole_delta};
use crate::error::DecoderError;
use crate::input::{Input, InputGradient};
use crate::observer::LinearGradient;
use crate::pass::Pass;
use crate::rows::for_each_row;
use crate::scratch::Scratch;
use crate::storage::Storage;
use crate::weights::Weights;

/// `y = W x + bias`, adapted where the adapters name it.
#[derive(Debug)]
pub(crate) struct Linear {
    pub(crate) module: String,
    weight: Arc<FrozenMatrix>,
    bias: Option<Vec<f32>>,
    /// Square of the norm of each row, once it was needed.
    row_squares: OnceLock<Vec<f32>>,
}

impl Linear {
    /// A layer without bias.
    pub(crate) fn new(module: String, weight: Arc<FrozenMatrix>) -> Self {
        Self { module, weight, bias: None, row_squares: OnceLock::new() }
    }

    /// Packs the layer's weight as `storage` says.
    pub(crate) fn load(
        weights: Weights<'_>,
        linear: &checkpoint::Linear,
        storage: Storage,
    ) -> Result<Self, DecoderError> {
        let weight = storage.linear(weights, linear)?;
        let bias = linear.bias().map(|name| weights.tensor(&name)).transpose()?;
        let bias = bias.map(|bias| bias.to_f32().into_owned());
        Ok(Self { bias, ..Self::new(linear.name.clone(), Arc::new(weight)) })
    }

    /// The weight in floats, `[out_features, in_features]`.
    pub(crate) fn dense(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.out_features() * self.in_features()];
        for_each_row(&mut values, self.in_features(), |row, into| self.weight.row(row, into));
        values
    }

    /// Packs other values, `[out_features, in_features]`, in the place of the weight, which is
    /// dropped before.
    pub(crate) fn replace(&mut self, values: &[f32]) {
        let (rows, columns) = (self.out_features(), self.in_features());
        assert_eq!(values.len(), rows * columns, "values of `{}`", self.module);
        let precision = self.precision();
        self.weight = Arc::new(FrozenMatrix::new(0, 0, precision, |_, _| {}));
        self.weight = Arc::new(FrozenMatrix::new(rows, columns, precision, |rows, into| {
            into.copy_from_slice(&values[rows.start * columns..rows.end * columns]);
        }));
        self.row_squares = OnceLock::new();
    }

    /// What is added to `y`, if something is.
    pub(crate) fn frozen_bias(&self) -> Option<&[f32]> {
        self.bias.as_deref()
    }

    /// Puts other values in the place of the bias, if there is one.
    pub(crate) fn replace_bias(&mut self, values: &[f32]) {
        if let Some(bias) = &mut self.bias {
            bias.copy_from_slice(values);
        }
    }

    pub(crate) fn in_features(&self) -> usize {
        self.weight.columns()
    }

    pub(crate) fn out_features(&self) -> usize {
        self.weight.rows()
    }

    /// The frozen weight.
    pub(crate) fn weight(&self) -> &Arc<FrozenMatrix> {
        &self.weight
    }

    /// Whether a backward needs `x`: for the gradients of what adapts the layer, or to show it.
    pub(crate) fn needs_input(&self, pass: &Pass<'_>) -> bool {
        pass.observer.is_some() || self.is_adapted(pass)
    }

    fn is_adapted(&self, pass: &Pass<'_>) -> bool {
        pass.adapters.layers.contains_key(&self.module)
            || pass.adapters.saved.contains_key(&self.module)
    }

    /// What products with the weight multiply.
    pub(crate) fn precision(&self) -> Precision {
        self.weight.precision()
    }

    /// Rows of `in_features` values, packed for this layer and its neighbors.
    pub(crate) fn input<'a>(&self, values: &'a [f32]) -> Input<'a> {
        Input::new(values, self.in_features(), self.precision())
    }

    /// Writes `y`, `[rows, out_features]`, of `x`, `[rows, in_features]`.
    pub(crate) fn forward(
        &self,
        x: &Input<'_>,
        y: &mut [f32],
        pass: &Pass<'_>,
        scratch: &mut Scratch,
    ) {
        match self.saved(pass) {
            Some(id) => {
                let weight = self.matrix(pass.adapters.values(id)).transposed();
                let into = MatrixMut::new(y, x.rows(), self.out_features());
                multiply_packed(into, &x.packed, weight, 1.0, Accumulate::No, Threads::All);
            }
            None => self.weight.forward_packed(&x.packed, y, Accumulate::No),
        }
        if let Some(layer) = self.layer(pass) {
            self.adapt(layer, x, y, pass, scratch);
        }
        if let Some(bias) = self.bias(pass) {
            for_each_row(y, self.out_features(), |_, y| vectorized(|| add(y, bias)));
        }
    }

    /// Gives the gradient of `x` and adds those of what is trained, from `dy`; `x` may be `None`
    /// where [`Linear::needs_input`] says so.
    pub(crate) fn backward(
        &self,
        x: Option<&Input<'_>>,
        dy: &[f32],
        dx: InputGradient<'_>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
        scratch: &mut Scratch,
    ) {
        if let Some(id) = pass.adapters.biases.get(&self.module) {
            let gradient = gradients.get_mut(*id);
            dy.chunks(self.out_features()).for_each(|dy| vectorized(|| add(gradient, dy)));
        }
        if let (Some(observer), Some(x)) = (pass.observer, x) {
            observer.linear(&LinearGradient { module: &self.module, x, dy });
        }
        let (Some(x), true) = (x, self.is_adapted(pass)) else {
            if let Some((dx, accumulate)) = dx {
                self.weight.backward(dy, dx, accumulate);
            }
            return;
        };
        let dy = Input::new(dy, self.out_features(), self.precision());
        if let Some(id) = self.saved(pass) {
            let gradient = gradients.get_mut(id);
            whole_delta::gradient(self.precision(), x, &dy, gradient, Accumulate::Yes);
            if let Some((dx, accumulate)) = dx {
                let into = MatrixMut::new(dx, dy.rows(), self.in_features());
                let weight = self.matrix(pass.adapters.values(id));
                multiply_packed(into, &dy.packed, weight, 1.0, accumulate, Threads::All);
            }
            return;
        }
        if let Some(layer) = self.layer(pass) {
            self.backward_adapted(layer, x, &dy, dx, pass, gradients, scratch);
        }
    }

    /// Adds what the adapter does to `y`, which holds `W x`.
    fn adapt(
        &self,
        layer: &Layer,
        x: &Input<'_>,
        y: &mut [f32],
        pass: &Pass<'_>,
        scratch: &mut Scratch,
    ) {
        match &layer.method {
            Method::Lora { a, b, magnitude: None } => {
                self.lora(layer, *a, *b, pass).forward(x, y, scratch);
            }
            Method::Lora { a, b, magnitude: Some(magnitude) } => {
                let lora = self.lora(layer, *a, *b, pass);
                let norms = dora::norms(&lora, &self.weight, self.row_squares(), scratch);
                let factors = dora::factors(pass.adapters.values(*magnitude), &norms);
                dora::forward(&lora, &self.weight, &factors, x, y, scratch);
            }
            Method::Loha { .. } | Method::Lokr { .. } => {
                let Some(delta) = self.delta(layer, pass, scratch) else { return };
                whole_delta::forward(self.matrix(&delta), x, y);
                scratch.give(delta);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "those of `backward` and the layer")]
    fn backward_adapted(
        &self,
        layer: &Layer,
        x: &Input<'_>,
        dy: &Input<'_>,
        dx: InputGradient<'_>,
        pass: &Pass<'_>,
        gradients: &mut Gradients,
        scratch: &mut Scratch,
    ) {
        match &layer.method {
            Method::Lora { a, b, magnitude: None } => {
                let lora = self.lora(layer, *a, *b, pass);
                let dx = dx.map(|(dx, accumulate)| {
                    self.weight.backward_packed(&dy.packed, dx, accumulate);
                    dx
                });
                lora.backward(x, dy, dx, (*a, *b), gradients, scratch);
            }
            Method::Lora { a, b, magnitude: Some(magnitude) } => {
                let lora = self.lora(layer, *a, *b, pass);
                let norms = dora::norms(&lora, &self.weight, self.row_squares(), scratch);
                let factors = dora::factors(pass.adapters.values(*magnitude), &norms);
                let ids = (*a, *b, *magnitude);
                let dora = dora::Dora { lora, weight: &self.weight, norms, factors };
                dora.backward(x, dy.values, dx, ids, gradients, scratch);
            }
            Method::Loha { .. } | Method::Lokr { .. } => {
                let dx = dx.map(|(dx, accumulate)| {
                    self.weight.backward_packed(&dy.packed, dx, accumulate);
                    dx
                });
                let Some(delta) = self.delta(layer, pass, scratch) else { return };
                if let Some(dx) = dx {
                    whole_delta::backward(self.matrix(&delta), dy, dx);
                }
                scratch.give(delta);
                let mut gradient = scratch.take(self.out_features() * self.in_features());
                whole_delta::gradient(self.precision(), x, dy, &mut gradient, Accumulate::No);
                self.backward_delta(layer, &mut gradient, pass, gradients, scratch);
                scratch.give(gradient);
            }
        }
    }

    /// What `LoHa` or `LoKr` adds to the weight, `[out_features, in_features]`, scaled and with
    /// rows dropped; `None` when this pass leaves it out.
    fn delta(&self, layer: &Layer, pass: &Pass<'_>, scratch: &mut Scratch) -> Option<Vec<f32>> {
        if pass.masks.is_some_and(|masks| masks.drops_module(&self.module, layer.drop.module)) {
            return None;
        }
        let shape = (self.out_features(), self.in_features());
        let mut delta = scratch.take(shape.0 * shape.1);
        match &layer.method {
            Method::Loha { w1_a, w1_b, w2_a, w2_b } => {
                let factors = [w1_a, w1_b, w2_a, w2_b].map(|id| pass.adapters.values(*id));
                loha::delta(factors, shape, &mut delta, scratch);
            }
            Method::Lokr { w1, w2 } => lokr::delta(pass.adapters, w1, w2, shape, &mut delta),
            Method::Lora { .. } => {}
        }
        self.scale_rows(layer, pass, &mut delta);
        Some(delta)
    }

    /// The gradients of the factors of `LoHa` or `LoKr` from that of what they add.
    fn backward_delta(
        &self,
        layer: &Layer,
        gradient: &mut [f32],
        pass: &Pass<'_>,
        gradients: &mut Gradients,
        scratch: &mut Scratch,
    ) {
        let shape = (self.out_features(), self.in_features());
        self.scale_rows(layer, pass, gradient);
        match &layer.method {
            Method::Loha { w1_a, w1_b, w2_a, w2_b } => {
                let ids = [*w1_a, *w1_b, *w2_a, *w2_b];
                loha::backward(pass.adapters, ids, shape, gradient, gradients, scratch);
            }
            Method::Lokr { w1, w2 } => {
                let factors: [&Factor; 2] = [w1, w2];
                lokr::backward(pass.adapters, factors, shape, gradient, gradients);
            }
            Method::Lora { .. } => {}
        }
    }

    /// Multiplies all rows by the scale, and by what rank dropout makes of each.
    #[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
    fn scale_rows(&self, layer: &Layer, pass: &Pass<'_>, rows: &mut [f32]) {
        let scale = layer.scale as f32;
        let mask = pass.masks.and_then(|masks| masks.mask(&self.module, layer.drop.rank));
        let Some(mask) = mask else {
            for_each_row(rows, self.in_features(), |_, row| {
                vectorized(|| olive_kit_kernels::vector::scale(row, scale));
            });
            return;
        };
        let index = |row: usize| u32::try_from(row).unwrap_or(u32::MAX);
        let kept = (0..self.out_features()).filter(|&row| mask.keeps(index(row))).count();
        let kept_scale = if layer.drop.scales_rank {
            scale * self.out_features() as f32 / kept.max(1) as f32
        } else {
            scale
        };
        for_each_row(rows, self.in_features(), |row, values| {
            let factor = if mask.keeps(index(row)) { kept_scale } else { 0.0 };
            vectorized(|| olive_kit_kernels::vector::scale(values, factor));
        });
    }

    #[expect(clippy::cast_possible_truncation, reason = "computed in f32")]
    fn lora<'a>(
        &self,
        layer: &Layer,
        a: ParameterId,
        b: ParameterId,
        pass: &Pass<'a>,
    ) -> lora::Lora<'a> {
        let (a, b) = (pass.adapters.values(a), pass.adapters.values(b));
        let rank = a.len() / self.in_features();
        lora::Lora {
            a: Matrix::new(a, rank, self.in_features()),
            b: Matrix::new(b, self.out_features(), rank),
            scale: layer.scale as f32,
            precision: self.precision(),
            mask: pass.masks.and_then(|masks| masks.mask(&self.module, layer.drop.input)),
        }
    }

    fn row_squares(&self) -> &[f32] {
        self.row_squares.get_or_init(|| dora::row_squares(&self.weight))
    }

    fn layer<'a>(&self, pass: &Pass<'a>) -> Option<&'a Layer> {
        pass.adapters.layers.get(&self.module)
    }

    fn saved(&self, pass: &Pass<'_>) -> Option<ParameterId> {
        pass.adapters.saved.get(&self.module).copied()
    }

    fn bias<'a>(&'a self, pass: &Pass<'a>) -> Option<&'a [f32]> {
        let trained = pass.adapters.biases.get(&self.module);
        trained.map(|id| pass.adapters.values(*id)).or(self.bias.as_deref())
    }

    fn matrix<'a>(&self, values: &'a [f32]) -> Matrix<'a> {
        Matrix::new(values, self.out_features(), self.in_features())
    }
}
