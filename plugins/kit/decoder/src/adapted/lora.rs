//! LoRA: `scale (drop(x) A^T) B^T`.
//!
//! Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021).

use olive_kit_adapters::{Gradients, ParameterId};
use olive_kit_kernels::product::{Matrix, MatrixMut, Threads, add_product, multiply};
use olive_kit_kernels::vector::{add, vectorized};

use crate::dropout::Mask;
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
}

impl Lora<'_> {
    /// Adds `scale (drop(x) A^T) B^T` to `y`.
    pub(crate) fn forward(&self, x: &[f32], y: &mut [f32], scratch: &mut Scratch) {
        let dropped = self.dropped(x, scratch);
        self.forward_dropped(dropped.as_deref().unwrap_or(x), y, scratch);
        give(dropped, scratch);
    }

    /// The same of what dropout left of `x`.
    pub(crate) fn forward_dropped(&self, x: &[f32], y: &mut [f32], scratch: &mut Scratch) {
        let rows = x.len() / self.in_features();
        let u = self.inner(x, scratch);
        let into = MatrixMut::new(y, rows, self.out_features());
        let inner = Matrix::new(&u, rows, self.rank());
        add_product(into, inner, self.b.transposed(), self.scale, Threads::All);
        scratch.give(u);
    }

    /// With `u = drop(x) A^T` and `v = dy B`: adds `scale dy^T u` to the gradient of `B`,
    /// `scale v^T drop(x)` to that of `A` and `drop(scale v A)` to `dx`.
    pub(crate) fn backward(
        &self,
        x: &[f32],
        dy: &[f32],
        dx: Option<&mut [f32]>,
        ids: (ParameterId, ParameterId),
        gradients: &mut Gradients,
        scratch: &mut Scratch,
    ) {
        let dropped = self.dropped(x, scratch);
        self.backward_dropped(dropped.as_deref().unwrap_or(x), dy, dx, ids, gradients, scratch);
        give(dropped, scratch);
    }

    /// The same from what dropout left of `x`.
    pub(crate) fn backward_dropped(
        &self,
        x: &[f32],
        dy: &[f32],
        dx: Option<&mut [f32]>,
        (a, b): (ParameterId, ParameterId),
        gradients: &mut Gradients,
        scratch: &mut Scratch,
    ) {
        let (rows, rank) = (x.len() / self.in_features(), self.rank());
        let (u, mut v) = (self.inner(x, scratch), scratch.take(rows * rank));
        let dy = Matrix::new(dy, rows, self.out_features());
        multiply(MatrixMut::new(&mut v, rows, rank), dy, self.b, 1.0, Threads::All);
        let outer = Matrix::new(&v, rows, rank);

        let into = MatrixMut::new(gradients.get_mut(b), self.out_features(), rank);
        let inner = Matrix::new(&u, rows, rank);
        add_product(into, dy.transposed(), inner, self.scale, Threads::All);
        let into = MatrixMut::new(gradients.get_mut(a), rank, self.in_features());
        let x = Matrix::new(x, rows, self.in_features());
        add_product(into, outer.transposed(), x, self.scale, Threads::All);
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

    /// Adds `scale v A`, through the mask, to the gradient of `x`.
    fn add_input_gradient(&self, dx: &mut [f32], v: Matrix<'_>, scratch: &mut Scratch) {
        let (rows, width) = (v.num_rows(), self.in_features());
        let Some(mask) = self.mask else {
            let into = MatrixMut::new(dx, rows, width);
            add_product(into, v, self.a, self.scale, Threads::All);
            return;
        };
        let mut through = scratch.take(dx.len());
        let into = MatrixMut::new(&mut through, rows, width);
        multiply(into, v, self.a, self.scale, Threads::All);
        mask.apply(&mut through);
        for_each_row(dx, width, |row, dx| {
            vectorized(|| add(dx, &through[row * width..][..width]));
        });
        scratch.give(through);
    }

    /// `x A^T`, `[rows, rank]`
    fn inner(&self, x: &[f32], scratch: &mut Scratch) -> Vec<f32> {
        let rows = x.len() / self.in_features();
        let mut u = scratch.take(rows * self.rank());
        let x = Matrix::new(x, rows, self.in_features());
        let into = MatrixMut::new(&mut u, rows, self.rank());
        multiply(into, x, self.a.transposed(), 1.0, Threads::All);
        u
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

pub(crate) fn give(buffer: Option<Vec<f32>>, scratch: &mut Scratch) {
    buffer.into_iter().for_each(|buffer| scratch.give(buffer));
}
