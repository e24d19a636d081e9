//! A weight that never changes.

use std::ops::Range;

use half::bf16;
use olive_kit_quant::FourBit;

use crate::product::{Matrix, MatrixMut, Threads, add_product, multiply};

/// What a product multiplies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// f32.
    #[default]
    F32,
    /// bf16 rounded from f32, summed in f32.
    Bf16,
}

/// What happens to the values that are already where a product goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accumulate {
    /// They are overwritten.
    No,
    /// The product is added.
    Yes,
}

/// A weight `W`, `[rows, columns]`, that never changes.
#[derive(Debug)]
pub struct FrozenMatrix {
    storage: Storage,
    rows: usize,
    columns: usize,
}

#[derive(Debug)]
enum Storage {
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
    FourBit(FourBit),
}

impl FrozenMatrix {
    /// Packs the weight whose rows `fill` writes; `fill` may be asked for any rows, by any thread.
    pub fn new(
        rows: usize,
        columns: usize,
        precision: Precision,
        fill: impl Fn(Range<usize>, &mut [f32]) + Sync,
    ) -> Self {
        let mut values = vec![0.0; rows * columns];
        fill(0..rows, &mut values);
        let storage = match precision {
            Precision::F32 => Storage::F32(values),
            Precision::Bf16 => Storage::Bf16(values.into_iter().map(bf16::from_f32).collect()),
        };
        Self { storage, rows, columns }
    }

    /// A weight of 4-bit codes, which stays one in memory; products dequantize it block by block
    /// and multiply in `precision`.
    ///
    /// # Panics
    /// When the number of codes is another.
    pub fn four_bit(weight: FourBit, rows: usize, columns: usize, _precision: Precision) -> Self {
        assert_eq!(weight.len, rows * columns, "a {rows} x {columns} matrix");
        Self { storage: Storage::FourBit(weight), rows, columns }
    }

    /// Rows of `W`: the width of what `x W^T` gives.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns of `W`: the width of `x`.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Bytes it holds in memory.
    pub fn size_bytes(&self) -> usize {
        match &self.storage {
            Storage::F32(values) => values.len() * 4,
            Storage::Bf16(values) => values.len() * 2,
            Storage::FourBit(weight) => weight.packed.len(),
        }
    }

    /// `y = x W^T`, `[n, rows]`, of `x`, `[n, columns]`; on all threads of rayon's pool.
    ///
    /// # Panics
    /// When a length does not fit.
    pub fn forward(&self, x: &[f32], y: &mut [f32], accumulate: Accumulate) {
        let weight = self.values();
        let weight = Matrix::new(&weight, self.rows, self.columns);
        let n = x.len() / self.columns;
        let x = Matrix::new(x, n, self.columns);
        write(MatrixMut::new(y, n, self.rows), x, weight.transposed(), accumulate);
    }

    /// `dx = dy W`, `[n, columns]`, of `dy`, `[n, rows]`; on all threads of rayon's pool.
    ///
    /// # Panics
    /// When a length does not fit.
    pub fn backward(&self, dy: &[f32], dx: &mut [f32], accumulate: Accumulate) {
        let weight = self.values();
        let weight = Matrix::new(&weight, self.rows, self.columns);
        let n = dy.len() / self.rows;
        let dy = Matrix::new(dy, n, self.rows);
        write(MatrixMut::new(dx, n, self.columns), dy, weight, accumulate);
    }

    /// Writes one row of `W`.
    ///
    /// # Panics
    /// When there is no such row or `into` has another length.
    pub fn row(&self, row: usize, into: &mut [f32]) {
        let range = row * self.columns..(row + 1) * self.columns;
        match &self.storage {
            Storage::F32(values) => into.copy_from_slice(&values[range]),
            Storage::Bf16(values) => {
                into.iter_mut().zip(&values[range]).for_each(|(into, v)| *into = v.to_f32());
            }
            Storage::FourBit(weight) => weight.dequantize(range, into),
        }
    }

    fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.rows * self.columns];
        for (row, into) in values.chunks_mut(self.columns).enumerate() {
            self.row(row, into);
        }
        values
    }
}

fn write(into: MatrixMut<'_>, left: Matrix<'_>, right: Matrix<'_>, accumulate: Accumulate) {
    match accumulate {
        Accumulate::No => multiply(into, left, right, 1.0, Threads::All),
        Accumulate::Yes => add_product(into, left, right, 1.0, Threads::All),
    }
}
