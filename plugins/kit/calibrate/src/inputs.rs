//! What a site is given.

use olive_kit_decoder::Norm;

use crate::error::CalibrateError;
use crate::observer::Observer;
use crate::pieces::Piece;
use crate::site::Site;
use crate::states::States;

/// Values that are looked at together for one that is not finite.
const AT_ONCE: usize = 4096;

/// The inputs of a site for every token of the calibration data, `[rows, width]`.
pub struct Inputs<'a> {
    pub(crate) states: &'a mut States,
    pub(crate) pieces: &'a [Piece],
    /// What makes the inputs of the states, if something does.
    pub(crate) norm: Option<Norm>,
    pub(crate) layer: Option<usize>,
    pub(crate) site: Site,
    pub(crate) observer: &'a dyn Observer,
}

impl Inputs<'_> {
    /// Tokens of all sequences.
    pub fn num_rows(&self) -> usize {
        self.pieces.last().map_or(0, |piece| piece.rows.end)
    }

    /// Inputs of the linear layers.
    pub fn width(&self) -> usize {
        self.states.width()
    }

    /// Has [`Inputs::each`] give what the norm before the site makes without its weight; where no norm
    /// is before it, nothing changes.
    pub fn leave_out_norm_weight(&mut self) {
        if let Some(norm) = &mut self.norm {
            let ones = vec![1.0; norm.weight().len()];
            norm.replace(&ones);
        }
    }

    /// Gives `take` the inputs of some whole sequences after those of others, `[rows, width]`, all
    /// finite; short sequences come first. They are those that the visit began with, whatever is
    /// written meanwhile.
    ///
    /// # Errors
    /// When an input is not finite, states cannot be read, the observer asks to stop, or `take`
    /// fails.
    pub fn each<E: From<CalibrateError>>(
        &mut self,
        mut take: impl FnMut(&[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut rows, mut normed) = (Vec::new(), Vec::new());
        for piece in self.pieces {
            if self.observer.is_cancelled() {
                return Err(CalibrateError::Cancelled.into());
            }
            self.states.read(piece.rows.clone(), &mut rows)?;
            let inputs = match &self.norm {
                Some(norm) => {
                    normed.resize(rows.len(), 0.0);
                    norm.apply(&rows, &mut normed);
                    &normed
                }
                None => &rows,
            };
            self.check_finite(piece, inputs)?;
            take(inputs)?;
        }
        Ok(())
    }

    fn check_finite(&self, piece: &Piece, inputs: &[f32]) -> Result<(), CalibrateError> {
        let Some(at) = first_not_finite(inputs) else { return Ok(()) };
        let (layer, site, value) = (self.layer, self.site, inputs[at]);
        let (sequence, token) = piece.origin(at / self.width());
        let input = at % self.width();
        Err(CalibrateError::NotFinite { layer, site, sequence, token, input, value })
    }
}

/// Place of the first value that is infinite or no number.
fn first_not_finite(values: &[f32]) -> Option<usize> {
    let magnitude = |value: &f32| value.to_bits() & !(1 << 31);
    // A maximum over bits is a loop of vectors; only where it tells of something it is looked for.
    let is_finite =
        |values: &[f32]| values.iter().map(magnitude).fold(0, u32::max) < f32::INFINITY.to_bits();
    let chunk = values.chunks(AT_ONCE).position(|values| !is_finite(values))?;
    let within = values[chunk * AT_ONCE..].iter().position(|value| !value.is_finite())?;
    Some(chunk * AT_ONCE + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_that_is_not_finite_is_found() {
        let mut values = vec![-f32::MAX; 3 * AT_ONCE];
        assert_eq!(first_not_finite(&values), None);
        values[AT_ONCE + 5] = f32::NEG_INFINITY;
        values[AT_ONCE + 7] = f32::NAN;
        assert_eq!(first_not_finite(&values), Some(AT_ONCE + 5));
        assert_eq!(first_not_finite(&values[AT_ONCE + 6..]), Some(1));
        assert_eq!(first_not_finite(&[]), None);
    }
}
