//! Adafactor: the mean of the squared gradients of a matrix from the means of its rows and columns.
//!
//! transformers' `Adafactor` with `scale_parameter=False, relative_step=False`, as its `Trainer`
//! uses it. Sums are taken in f64.

use olive_kit_adapters::Parameter;

use super::rule::StepNumbers;
use super::settings::Adafactor;

/// Shape of the matrices of a parameter; `None` for a vector, whose squares are kept whole.
pub(super) fn matrix(shape: &[usize]) -> Option<[usize; 3]> {
    match shape {
        [outer @ .., rows, columns] => Some([outer.iter().product(), *rows, *columns]),
        _ => None,
    }
}

/// Moves one parameter; `memory` holds the means of rows and of columns, or of all squares.
#[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
pub(super) fn update(
    settings: &Adafactor,
    numbers: StepNumbers,
    parameter: &mut Parameter,
    gradient: &[f32],
    memory: &mut [Vec<f32>],
) {
    let beta = 1.0 - (numbers.steps as f64).powf(settings.decay_rate);
    let mean = Mean { beta: beta as f32, new: (1.0 - beta) as f32 };
    let update = match (matrix(&parameter.shape), memory) {
        (Some(shape), [rows, columns]) => factored(settings, mean, shape, gradient, rows, columns),
        (None, [squares]) => {
            for (square, &g) in squares.iter_mut().zip(gradient) {
                mean.take(square, g * g + settings.epsilon as f32);
            }
            squares.iter().zip(gradient).map(|(square, g)| g / square.sqrt()).collect()
        }
        (_, memory) => unreachable!("{} tensors for {:?}", memory.len(), parameter.shape),
    };
    let squares = update.iter().map(|&u| f64::from(u) * f64::from(u)).sum::<f64>();
    let root_mean_square = (squares / update.len().max(1) as f64).sqrt();
    let clip = (root_mean_square / settings.clip_threshold).max(1.0) as f32;
    let rate = numbers.rate as f32;
    let decay = (numbers.decay * numbers.rate) as f32;
    for (value, u) in parameter.values.iter_mut().zip(&update) {
        *value = *value - decay * *value - u / clip * rate;
    }
}

/// A running mean.
#[derive(Clone, Copy)]
struct Mean {
    beta: f32,
    new: f32,
}

impl Mean {
    fn take(self, mean: &mut f32, value: f32) {
        *mean = *mean * self.beta + value * self.new;
    }
}

/// The gradient over the root of the estimated squares, of matrices one after another.
#[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
fn factored(
    settings: &Adafactor,
    mean: Mean,
    [_, num_rows, num_columns]: [usize; 3],
    gradient: &[f32],
    row_means: &mut [f32],
    column_means: &mut [f32],
) -> Vec<f32> {
    let mut update = Vec::with_capacity(gradient.len());
    let matrices = gradient.chunks_exact(num_rows * num_columns);
    let means =
        row_means.chunks_exact_mut(num_rows).zip(column_means.chunks_exact_mut(num_columns));
    for (gradient, (row_means, column_means)) in matrices.zip(means) {
        let mut column_sums = vec![0.0_f64; num_columns];
        for (row, row_mean) in gradient.chunks_exact(num_columns).zip(&mut *row_means) {
            let mut sum = 0.0;
            for (&g, column) in row.iter().zip(&mut column_sums) {
                let square = f64::from(g) * f64::from(g) + settings.epsilon;
                sum += square;
                *column += square;
            }
            mean.take(row_mean, (sum / num_columns as f64) as f32);
        }
        for (column_mean, sum) in column_means.iter_mut().zip(column_sums) {
            mean.take(column_mean, (sum / num_rows as f64) as f32);
        }
        let mean_of_rows = row_means.iter().map(|&row| f64::from(row)).sum::<f64>();
        let mean_of_rows = (mean_of_rows / num_rows as f64) as f32;
        let columns: Vec<_> = column_means.iter().map(|column| column.sqrt().recip()).collect();
        for (row, row_mean) in gradient.chunks_exact(num_columns).zip(row_means) {
            let factor = (*row_mean / mean_of_rows).sqrt().recip();
            update.extend(row.iter().zip(&columns).map(|(g, column)| g * factor * column));
        }
    }
    update
}
