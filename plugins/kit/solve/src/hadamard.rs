//! Hadamard matrices: entries 1 and -1, all rows orthogonal.
//!
//! Paley's constructions give them for orders `q + 1` with a prime `q` of the form `4 t + 3` and
//! `2 (q + 1)` with one of the form `4 t + 1`: 4, 8, 12, 20, 24, 28, 32, 36, 44, 48, 60, ..., among
//! them those that `QuaRot` keeps as tables, but for 52, 156 and 172.

/// A Hadamard matrix of an order, `[order, order]`; none where neither construction gives one.
pub(crate) fn hadamard(order: usize) -> Option<Vec<f32>> {
    match order {
        1 => Some(vec![1.0]),
        2 => Some(vec![1.0, 1.0, 1.0, -1.0]),
        _ if !order.is_multiple_of(4) => None,
        _ if is_prime(order - 1) => Some(paley_one(order - 1)),
        _ if (order / 2 - 1) % 4 == 1 && is_prime(order / 2 - 1) => Some(paley_two(order / 2 - 1)),
        _ => None,
    }
}

/// `[[1, 1], [-1, Q]] + I` with the Jacobsthal matrix `Q`, where `q` is 3 modulo 4.
fn paley_one(q: usize) -> Vec<f32> {
    let character = character(q);
    let entry = |row: usize, column: usize| match (row, column) {
        (0, _) => 1.0,
        (_, 0) => -1.0,
        _ if row == column => 1.0,
        _ => character[(row + q - column) % q],
    };
    matrix(q + 1, entry)
}

/// Each entry of `[[0, 1], [1, Q]]` replaced by a 2 x 2 block, where `q` is 1 modulo 4.
fn paley_two(q: usize) -> Vec<f32> {
    const OF_ZERO: [[f32; 2]; 2] = [[1.0, -1.0], [-1.0, -1.0]];
    const OF_ONE: [[f32; 2]; 2] = [[1.0, 1.0], [1.0, -1.0]];
    let character = character(q);
    let entry = |row: usize, column: usize| match (row / 2, column / 2) {
        (first, second) if first == second => OF_ZERO[row % 2][column % 2],
        (0, _) | (_, 0) => OF_ONE[row % 2][column % 2],
        (first, second) => character[(first + q - second) % q] * OF_ONE[row % 2][column % 2],
    };
    matrix(2 * (q + 1), entry)
}

fn matrix(order: usize, entry: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    (0..order * order).map(|at| entry(at / order, at % order)).collect()
}

/// Of each residue of a prime: 1 for a square, -1 for none, 0 for 0.
fn character(q: usize) -> Vec<f32> {
    let mut character = vec![-1.0; q];
    (1..q).for_each(|root| character[root * root % q] = 1.0);
    character[0] = 0.0;
    character
}

fn is_prime(number: usize) -> bool {
    number > 1 && (2..=number.isqrt()).all(|root| !number.is_multiple_of(root))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers are exact")]
mod tests {
    use super::*;

    #[test]
    fn rows_are_orthogonal() {
        let orders: Vec<usize> = (1..=200).filter(|order| check(*order)).collect();
        for order in [1, 2, 4, 8, 12, 20, 28, 32, 36, 44, 60, 76, 108, 140, 148] {
            assert!(orders.contains(&order), "{order}");
        }
        assert!(hadamard(3).is_none() && hadamard(52).is_none());
    }

    /// Whether there is a matrix, which is one then.
    fn check(order: usize) -> bool {
        let Some(matrix) = hadamard(order) else { return false };
        assert!(matrix.iter().all(|entry| entry.abs() == 1.0), "{order}");
        for (row, first) in matrix.chunks_exact(order).enumerate() {
            for second in matrix.chunks_exact(order).skip(row + 1) {
                let product: f32 = first.iter().zip(second).map(|(a, b)| a * b).sum();
                assert!(product == 0.0, "{order} {row}");
            }
        }
        true
    }
}
