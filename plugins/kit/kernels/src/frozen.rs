//! A weight that never changes.

mod dense;
mod four_bit;
#[cfg(test)]
mod tests;

use std::ops::Range;

use olive_kit_quant::FourBit;

use crate::blocks::{Panels, Scratch, Target, multiply, product};
use crate::instructions::Instructions;
use crate::matrix::{Accumulate, Matrix, MatrixMut, Precision, Threads};
use crate::packed::Packed;
use dense::Dense;
use four_bit::FourBitRows;

/// A weight `W`, `[rows, columns]`, that never changes.
///
/// It is in memory once, in the order in which the product of a forward reads it; the product of a
/// backward brings it into another order on the way, a piece at a time. With 512 rows that costs 2 %
/// of the product in f32 and 1 % in bf16, which a second copy would save for twice the memory.
/// Decoding 4-bit codes costs 5 % of a forward and 10 % of a backward.
#[derive(Debug)]
pub struct FrozenMatrix {
    storage: Storage,
    rows: usize,
    columns: usize,
    precision: Precision,
}

#[derive(Debug)]
enum Storage {
    Dense(Dense),
    FourBit(FourBitRows),
}

impl FrozenMatrix {
    /// Packs the weight whose rows `fill` writes; `fill` may be asked for any rows, by any thread.
    ///
    /// It is asked for a few rows at a time: no copy in f32 is made of more.
    pub fn new(
        rows: usize,
        columns: usize,
        precision: Precision,
        fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
    ) -> Self {
        let storage = Storage::Dense(Dense::new(rows, columns, precision, fill));
        Self { storage, rows, columns, precision }
    }

    /// A weight of 4-bit codes, which stays one in memory; products dequantize it block by block
    /// and multiply in `precision`.
    ///
    /// # Panics
    /// When the number of codes is another.
    pub fn four_bit(weight: FourBit, rows: usize, columns: usize, precision: Precision) -> Self {
        assert_eq!(weight.len, rows * columns, "a {rows} x {columns} matrix");
        let storage = Storage::FourBit(FourBitRows::new(weight, columns));
        Self { storage, rows, columns, precision }
    }

    /// Rows of `W`: the width of what `x W^T` gives.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of `W`: the width of `x`.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// What its products multiply.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Bytes it holds in memory.
    pub fn size_bytes(&self) -> usize {
        match &self.storage {
            Storage::Dense(dense) => dense.size_bytes(),
            Storage::FourBit(weight) => weight.size_bytes(),
        }
    }

    /// `y = x W^T`, `[n, rows]`, of `x`, `[n, columns]`; on all threads of rayon's pool.
    ///
    /// A row of `y` depends on its row of `x` alone, not on `n` nor on the number of threads.
    ///
    /// # Panics
    /// When a length does not fit.
    pub fn forward(&self, x: &[f32], y: &mut [f32], accumulate: Accumulate) {
        let x = Matrix::new(x, x.len() / self.columns.max(1), self.columns);
        let mut y = MatrixMut::new(y, x.num_rows(), self.rows);
        self.multiply(x, &Forward(self), &mut y, accumulate);
    }

    /// `dx = dy W`, `[n, columns]`, of `dy`, `[n, rows]`; on all threads of rayon's pool.
    ///
    /// # Panics
    /// When a length does not fit.
    pub fn backward(&self, dy: &[f32], dx: &mut [f32], accumulate: Accumulate) {
        let dy = Matrix::new(dy, dy.len() / self.rows.max(1), self.rows);
        let mut dx = MatrixMut::new(dx, dy.num_rows(), self.columns);
        self.multiply(dy, &Backward(self), &mut dx, accumulate);
    }

    /// [`Self::forward`] of an `x` that was packed in this precision, for several weights.
    ///
    /// # Panics
    /// When a length or the precision does not fit.
    pub fn forward_packed(&self, x: &Packed, y: &mut [f32], accumulate: Accumulate) {
        let mut y = MatrixMut::new(y, x.rows(), self.rows);
        self.check_left(x, self.columns);
        product(x, &Forward(self), &mut y, Target::all(accumulate));
    }

    /// [`Self::backward`] of a `dy` that was packed in this precision.
    ///
    /// # Panics
    /// When a length or the precision does not fit.
    pub fn backward_packed(&self, dy: &Packed, dx: &mut [f32], accumulate: Accumulate) {
        let mut dx = MatrixMut::new(dx, dy.rows(), self.columns);
        self.check_left(dy, self.rows);
        product(dy, &Backward(self), &mut dx, Target::all(accumulate));
    }

    /// Writes one row of `W`.
    ///
    /// # Panics
    /// When there is no such row or `into` has another length.
    pub fn row(&self, row: usize, into: &mut [f32]) {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        assert_eq!(into.len(), self.columns, "length of a row");
        match &self.storage {
            Storage::Dense(dense) => dense.row(row, into),
            Storage::FourBit(weight) => weight.row(row, into),
        }
    }

    fn multiply(
        &self,
        left: Matrix<'_>,
        right: &impl Panels,
        into: &mut MatrixMut<'_>,
        accumulate: Accumulate,
    ) {
        let target = Target::all(accumulate);
        multiply(left, right, into, target, self.precision, Instructions::detect());
    }

    fn check_left(&self, left: &Packed, inner: usize) {
        assert_eq!(left.columns(), inner, "inner size of a product");
        let words = left.instructions().words(self.precision);
        assert_eq!(left.inner().words(), words, "precision of a packed left side");
    }
}

impl Target {
    /// A product as it is, by all threads.
    fn all(accumulate: Accumulate) -> Self {
        Self { scale: 1.0, adds: accumulate == Accumulate::Yes, threads: Threads::All }
    }
}

/// `W^T`
struct Forward<'a>(&'a FrozenMatrix);

/// `W`
struct Backward<'a>(&'a FrozenMatrix);

impl Panels for Forward<'_> {
    fn width(&self) -> usize {
        self.0.rows
    }

    fn panel<'a>(
        &'a self,
        left: &Packed,
        panel: usize,
        block: Range<usize>,
        scratch: &'a mut Scratch,
    ) -> &'a [u32] {
        match &self.0.storage {
            Storage::Dense(dense) => dense.forward(left, panel, block, scratch),
            Storage::FourBit(weight) => weight.forward(left, panel, block, scratch),
        }
    }

    fn ahead(&self, panel: usize, block: Range<usize>, part: usize, parts: usize) -> &[u32] {
        match &self.0.storage {
            Storage::Dense(dense) => dense.ahead_forward(panel, block, part, parts),
            // There is little of it, and work enough with it.
            Storage::FourBit(_) => &[],
        }
    }
}

impl Panels for Backward<'_> {
    fn width(&self) -> usize {
        self.0.columns
    }

    fn panel<'a>(
        &'a self,
        left: &Packed,
        panel: usize,
        block: Range<usize>,
        scratch: &'a mut Scratch,
    ) -> &'a [u32] {
        match &self.0.storage {
            Storage::Dense(dense) => dense.backward(left, panel, block, scratch),
            Storage::FourBit(weight) => weight.backward(left, panel, block, scratch),
        }
    }

    fn ahead(&self, panel: usize, block: Range<usize>, part: usize, parts: usize) -> &[u32] {
        match &self.0.storage {
            Storage::Dense(dense) => dense.ahead_backward(panel, block, part, parts),
            // There is little of it, and work enough with it.
            Storage::FourBit(_) => &[],
        }
    }
}
