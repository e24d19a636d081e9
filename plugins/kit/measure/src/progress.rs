//! How far a measurement is, and how it is asked to stop.

use std::ops::ControlFlow;

use crate::error::MeasureError;

/// How far a measurement is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress<'a> {
    /// What is counted: `example`, `row` or `run`.
    pub unit: &'static str,
    /// How many are done.
    pub done: usize,
    /// How many there are.
    pub total: usize,
    /// Figures so far, such as `exact_match`.
    pub figures: &'a [(&'static str, f64)],
}

/// Takes progress; a break stops the measurement with [`MeasureError::Cancelled`].
pub type Observer<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'a;

/// Tells `observer`, and turns its break into an error.
///
/// # Errors
/// [`MeasureError::Cancelled`] when the observer breaks.
pub fn tell(observer: &mut Observer<'_>, progress: Progress<'_>) -> Result<(), MeasureError> {
    match observer(progress) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(MeasureError::Cancelled),
    }
}
