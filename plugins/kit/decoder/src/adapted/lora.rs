//! LoRA: `scale (drop(x) A^T) B^T`.
//!
//! Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021).

use olive_kit_adapters::{Gradients, ParameterId};
use olive_kit_kernels::product::{multiply_in, multiply_packed};
use olive_kit_kernels::vector::{add, vectorized};
use olive_kit_kernels::{Accumulate, Matrix, MatrixMut, Precision, Threads};

use crate::dropout::Mask;
use crate::input::Input;
use crate::rows::for_each_row;
use crate::scratch::Scratch;

/// The factors of one layer in one pass.
#[derive(Clone, Copy)]
pub(crate) struct Lora<'a> {
    /// `[rank, in_features]`
    pub(crate) a: Matrix<'a>,
    /// `[out_features, rank]`
    pub(crate) b: Matrix<'a>,
    pub(crate) scale: f32,
    pub(crate) mask: Option<Mask>,
    pub(crate) precision: Precision,
}

impl Lora<'_> {
    /// Adds `scale (drop(x) A^T) B^T` to `y`.
    pub(crate) fn forward(&self, x: &Input<'_>, y: &mut [f32], scratch: &mut Scratch) {
        let Some(dropped) = self.dropped(x.values, scratch) else {
            self.forward_dropped(x, y, scratch);
            return;
        };
        self.forward_dropped(&self.input(&dropped), y, scratch);
        scratch.give(dropped);
    }

    /// The same of what dropout left of `x`.
    pub(crate) fn forward_dropped(&self, x: &Input<'_>, y: &mut [f32], scratch: &mut Scratch) {
        let u = self.inner(x, scratch);
        let into = MatrixMut::new(y, x.rows(), self.out_features());
        self.add(into, Matrix::new(&u, x.rows(), self.rank()), self.b.transposed());
        scratch.give(u);
    }

    /// With `u = drop(x) A^T` and `v = dy B`: adds `scale dy^T u` to the gradient of `B`,
    /// `scale v^T drop(x)` to that of `A` and `drop(scale v A)` to `dx`.
    pub(crate) fn backward(
        &self,
        x: &Input<'_>,
        dy: &Input<'_>,
        dx: Option<&mut [f32]>,
        ids: (ParameterId, ParameterId),
        gradients: &mut Gradients,
        scratch: &mut Scratch,
    ) {
        let Some(dropped) = self.dropped(x.values, scratch) else {
            self.backward_dropped(x, dy, dx, ids, gradients, scratch);
            return;
        };
        self.backward_dropped(&self.input(&dropped), dy, dx, ids, gradients, scratch);
        scratch.give(dropped);
    }

    /// The same from what dropout left of `x`.
    pub(crate) fn backward_dropped(
        &self,
        x: &Input<'_>,
        dy: &Input<'_>,
        dx: Option<&mut [f32]>,
        (a, b): (ParameterId, ParameterId),
        gradients: &mut Gradients,
        scratch: &mut Scratch,
    ) {
        let (rows, rank) = (x.rows(), self.rank());
        let (u, mut v) = (self.inner(x, scratch), scratch.take(rows * rank));
        let into = MatrixMut::new(&mut v, rows, rank);
        multiply_packed(into, &dy.packed, self.b, 1.0, Accumulate::No, Threads::All);
        let outer = Matrix::new(&v, rows, rank);

        let into = MatrixMut::new(gradients.get_mut(b), self.out_features(), rank);
        self.add(into, dy.matrix().transposed(), Matrix::new(&u, rows, rank));
        let into = MatrixMut::new(gradients.get_mut(a), rank, self.in_features());
        self.add(into, outer.transposed(), x.matrix());
        if let Some(dx) = dx {
            self.add_input_gradient(dx, outer, scratch);
        }
        scratch.give(u);
        scratch.give(v);
    }

    /// `drop(x)` where it is another than `x`.
    pub(crate) fn dropped(&self, x: &[f32], scratch: &mut Scratch) -> Option<Vec<f32>> {
        let mask = self.mask?;
        let mut dropped = scratch.take(x.len());
        dropped.copy_from_slice(x);
        mask.apply(&mut dropped);
        Some(dropped)
    }

    /// What dropout left of `x`, packed.
    pub(crate) fn input<'a>(&self, dropped: &'a [f32]) -> Input<'a> {
        Input::new(dropped, self.in_features(), self.precision)
    }

    /// Adds `scale v A`, through the mask, to the gradient of `x`.
    fn add_input_gradient(&self, dx: &mut [f32], v: Matrix<'_>, scratch: &mut Scratch) {
        let (rows, width) = (v.num_rows(), self.in_features());
        let Some(mask) = self.mask else {
            self.add(MatrixMut::new(dx, rows, width), v, self.a);
            return;
        };
        let mut through = scratch.zeros(dx.len());
        self.add(MatrixMut::new(&mut through, rows, width), v, self.a);
        mask.apply(&mut through);
        for_each_row(dx, width, |row, dx| {
            vectorized(|| add(dx, &through[row * width..][..width]));
        });
        scratch.give(through);
    }

    /// `x A^T`, `[rows, rank]`
    fn inner(&self, x: &Input<'_>, scratch: &mut Scratch) -> Vec<f32> {
        let mut u = scratch.take(x.rows() * self.rank());
        let into = MatrixMut::new(&mut u, x.rows(), self.rank());
        multiply_packed(into, &x.packed, self.a.transposed(), 1.0, Accumulate::No, Threads::All);
        u
    }

    /// `into += scale left right`
    fn add(&self, into: MatrixMut<'_>, left: Matrix<'_>, right: Matrix<'_>) {
        let (precision, yes) = (self.precision, Accumulate::Yes);
        multiply_in(precision, into, left, right, self.scale, yes, Threads::All);
    }

    pub(crate) fn rank(&self) -> usize {
        self.a.num_rows()
    }

    pub(crate) fn in_features(&self) -> usize {
        self.a.num_columns()
    }

    pub(crate) fn out_features(&self) -> usize {
        self.b.num_rows()
    }
}
