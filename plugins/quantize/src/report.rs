//! What is said of the error that quantization makes.

use olive_plugin_api::{LogLevel, StepContext};

/// Errors of matrices, told layer by layer.
///
/// The figure `error` of a layer is the root of the mean square of those of its matrices, each
/// relative: of the outputs for the calibration data, or of the weights where there are none.
pub(crate) struct Report<'a> {
    ctx: &'a StepContext<'a>,
    num_layers: usize,
    /// Of the layer at work, by the end of their paths.
    matrices: Vec<(String, f64)>,
    /// Of the same matrices as they were, where a pass makes that better.
    before: Vec<f64>,
    /// Of the layers before it.
    layers: Vec<f64>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(ctx: &'a StepContext<'a>, num_layers: usize) -> Self {
        Self { ctx, num_layers, matrices: Vec::new(), before: Vec::new(), layers: Vec::new() }
    }

    /// Takes the relative error of the matrix at a path.
    pub(crate) fn matrix(&mut self, path: &str, error: f64) {
        self.ctx.log(LogLevel::Debug, format!("`{path}`: error {error:.4}"));
        self.matrices.push((path.rsplit('.').next().unwrap_or(path).to_owned(), error));
    }

    /// Takes the relative error of the matrix at a path, and what it was before.
    pub(crate) fn changed_matrix(&mut self, path: &str, before: f64, after: f64) {
        self.matrix(path, after);
        self.before.push(before);
    }

    /// Says a sentence about the matrix at a path.
    pub(crate) fn note(&self, level: LogLevel, path: &str, what: &str) {
        self.ctx.log(level, format!("`{path}`: {what}"));
    }

    /// Ends the layer number `index`.
    pub(crate) fn layer(&mut self, index: usize) {
        let matrices = std::mem::take(&mut self.matrices);
        let (done, total) = (index as u64 + 1, self.num_layers as u64);
        let worst = matrices.iter().max_by(|one, other| one.1.total_cmp(&other.1));
        let Some((worst, largest)) = worst else {
            self.ctx.progress("layer", done, total, &[]);
            return;
        };
        let error = root_mean_square(matrices.iter().map(|(_, error)| *error));
        let mut figures = vec![("error", error)];
        let mut message =
            format!("layer {done} of {total}: error {error:.4}, largest in `{worst}` {largest:.4}");
        let before = std::mem::take(&mut self.before);
        if !before.is_empty() {
            let before = root_mean_square(before.into_iter());
            figures.push(("error_before", before));
            message = format!("{message}; {before:.4} before");
        }
        self.ctx.progress("layer", done, total, &figures);
        self.ctx.log(LogLevel::Info, message);
        self.layers.push(error);
    }

    /// Ends a matrix that is in no layer: the embedding or the layer that makes logits.
    pub(crate) fn single(&mut self, path: &str) {
        for (_, error) in std::mem::take(&mut self.matrices) {
            self.ctx.log(LogLevel::Info, format!("`{path}`: error {error:.4}"));
        }
    }

    /// Says what the whole costs: error and size.
    pub(crate) fn end(&self, before_bytes: u64, after_bytes: u64) {
        if let Some(worst) = (0..self.layers.len())
            .max_by(|&one, &other| self.layers[one].total_cmp(&self.layers[other]))
        {
            let mean = self.layers.iter().sum::<f64>() / self.layers.len() as f64;
            let largest = self.layers[worst];
            let message = format!(
                "relative error of layers: {mean:.4} in the mean, largest {largest:.4} in layer {}",
                worst + 1
            );
            self.ctx.log(LogLevel::Info, message);
        }
        let (before, after) = (mebibytes(before_bytes), mebibytes(after_bytes));
        let message = format!("weights: {after:.1} MiB, from {before:.1} MiB");
        self.ctx.log(LogLevel::Info, message);
    }
}

fn root_mean_square(errors: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = errors.fold((0.0, 0_u32), |(sum, count), it| (sum + it * it, count + 1));
    (sum / f64::from(count.max(1))).sqrt()
}

/// An amount of memory in words.
pub(crate) fn told(bytes: u64) -> String {
    format!("{:.0} MiB", mebibytes(bytes))
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
