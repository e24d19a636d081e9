//! Products of matrices that change: in f32 through the crate `gemm`, in bf16 through our kernels.

#![expect(unsafe_code, reason = "gemm takes pointers; this is the one place that gives it some")]

use std::ops::Range;

use gemm::Parallelism;

use crate::blocks::{self, Panels, Scratch, Target};
use crate::instructions::Instructions;
use crate::kernel::COLUMNS;
use crate::matrix::{Accumulate, Matrix, MatrixMut, Precision, Threads};
use crate::pack::pack;
use crate::packed::Packed;

/// `into = scale * left * right`
pub fn multiply(
    into: MatrixMut<'_>,
    left: Matrix<'_>,
    right: Matrix<'_>,
    scale: f32,
    threads: Threads,
) {
    product(into, left, right, scale, threads, false);
}

/// `into += scale * left * right`
pub fn add_product(
    into: MatrixMut<'_>,
    left: Matrix<'_>,
    right: Matrix<'_>,
    scale: f32,
    threads: Threads,
) {
    product(into, left, right, scale, threads, true);
}

/// `into = scale * left * right` in `precision`, or added to it.
pub fn multiply_in(
    precision: Precision,
    mut into: MatrixMut<'_>,
    left: Matrix<'_>,
    right: Matrix<'_>,
    scale: f32,
    accumulate: Accumulate,
    threads: Threads,
) {
    let adds = accumulate == Accumulate::Yes;
    match precision {
        Precision::F32 => product(into, left, right, scale, threads, adds),
        Precision::Bf16 => {
            assert_eq!(left.columns, right.rows, "inner size of a product");
            let target = Target { scale, adds, threads };
            let instructions = Instructions::detect();
            blocks::multiply(left, &Right(right), &mut into, target, precision, instructions);
        }
    }
}

/// `into = scale * left * right` in the precision of `left`, or added to it.
pub fn multiply_packed(
    mut into: MatrixMut<'_>,
    left: &Packed,
    right: Matrix<'_>,
    scale: f32,
    accumulate: Accumulate,
    threads: Threads,
) {
    assert_eq!(left.columns(), right.rows, "inner size of a product");
    let target = Target { scale, adds: accumulate == Accumulate::Yes, threads };
    blocks::product(left, &Right(right), &mut into, target);
}

/// A right side that is packed on the way.
pub(crate) struct Right<'a>(pub(crate) Matrix<'a>);

impl Panels for Right<'_> {
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
        let columns = panel * COLUMNS..((panel + 1) * COLUMNS).min(self.0.columns);
        let into = scratch.packed.words_mut(left.inner().steps(&block) * COLUMNS);
        let source = self.0.transposed().lanes(columns, block);
        pack(left.instructions(), left.inner().words(), source, COLUMNS, into);
        into
    }

    fn ahead(&self, _panel: usize, _block: Range<usize>, _part: usize, _parts: usize) -> &[u32] {
        &[]
    }
}

fn product(
    into: MatrixMut<'_>,
    left: Matrix<'_>,
    right: Matrix<'_>,
    scale: f32,
    threads: Threads,
    adds: bool,
) {
    let MatrixMut { values, rows, columns, row_stride } = into;
    let inner = left.columns;
    assert_eq!((left.rows, right.rows, right.columns), (rows, inner, columns), "shapes match");
    let parallelism = match threads {
        Threads::One => Parallelism::None,
        Threads::All => Parallelism::Rayon(rayon::current_num_threads()),
    };
    // Slices hold at most `isize::MAX` bytes, so that every stride within one fits.
    let stride = usize::cast_signed;
    // SAFETY: the constructors of `Matrix` and `MatrixMut`, which alone set their fields, checked that the last value of each
    // matrix lies in its slice, and all others lie before it; `transposed` exchanges both sizes and
    // both strides. The shapes match, as just checked. `values` is borrowed by `into` alone, and its
    // rows do not overlap, because every constructor sets a row stride of at least `columns`.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            values.as_mut_ptr(),
            1,
            stride(row_stride),
            adds,
            left.values.as_ptr(),
            stride(left.column_stride),
            stride(left.row_stride),
            right.values.as_ptr(),
            stride(right.column_stride),
            stride(right.row_stride),
            1.0_f32,
            scale,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers are exact")]
mod tests {
    use super::*;

    const LEFT: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // [2, 3]
    const RIGHT: [f32; 6] = [1.0, 0.0, 2.0, 1.0, 0.0, 3.0]; // [3, 2]

    #[test]
    fn products_scale_and_add() {
        let (left, right) = (Matrix::new(&LEFT, 2, 3), Matrix::new(&RIGHT, 3, 2));
        let mut into = [1.0; 4];
        multiply(MatrixMut::new(&mut into, 2, 2), left, right, 2.0, Threads::One);
        assert_eq!(into, [10.0, 22.0, 28.0, 46.0]);
        add_product(MatrixMut::new(&mut into, 2, 2), left, right, -1.0, Threads::All);
        assert_eq!(into, [5.0, 11.0, 14.0, 23.0]);
    }

    #[test]
    fn transposed_and_strided_matrices_are_read_in_place() {
        let left = Matrix::new(&LEFT, 3, 2).transposed(); // 1 3 5 / 2 4 6
        let right = Matrix::strided(&RIGHT[1..], 3, 1, 2); // 0 1 3
        let mut into = [0.0; 2];
        multiply(MatrixMut::new(&mut into, 2, 1), left, right, 1.0, Threads::One);
        assert_eq!(into, [18.0, 22.0]);
        assert_eq!(Matrix::new(&LEFT, 3, 2).rows(1, 2).row(1), [5.0, 6.0]);
    }

    #[test]
    #[should_panic(expected = "2 rows 6 apart fit")]
    fn a_matrix_beyond_its_slice_is_refused() {
        let _ = Matrix::strided(&LEFT, 2, 3, 6);
    }
}
