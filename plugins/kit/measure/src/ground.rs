//! What every metric on rows of data works with.

use olive_kit_text::Tokenizer;

use crate::error::MeasureError;
use crate::model::LanguageModel;
use crate::progress::{Observer, Progress, tell};
use crate::records::Records;

/// What every metric on rows of data works with.
pub struct Ground<'a, 'o> {
    /// Name of the metric.
    pub metric: &'a str,
    /// The figures of it that are measured together.
    pub sub_types: Vec<String>,
    /// The model.
    pub model: &'a mut dyn LanguageModel,
    /// Its tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Takes what the model was asked, and how it answered.
    pub records: &'a mut Records,
    /// Takes progress and may stop the measurement.
    pub observer: &'a mut Observer<'o>,
}

impl Ground<'_, '_> {
    /// What errors call the row `index`, counted from 0.
    pub(crate) fn row(&self, index: usize) -> String {
        format!("row {} of metric `{}`", index + 1, self.metric)
    }

    /// The error of a metric without anything to measure on.
    pub(crate) fn empty(&self) -> MeasureError {
        MeasureError::Empty { what: format!("data of metric `{}`", self.metric) }
    }

    /// Tells that another row is done.
    pub(crate) fn tell(
        &mut self,
        (unit, done, total): (&'static str, usize, usize),
        figures: &[(&'static str, f64)],
    ) -> Result<(), MeasureError> {
        tell(self.observer, Progress { unit, done, total, figures })
    }
}
