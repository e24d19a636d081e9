//! What all weights with the same inputs share.

use super::GptqOptions;
use crate::error::SolveError;
use crate::factor::{Factor, factor};
use crate::moments::Moments;

/// The damped Gram matrix of some inputs, factored in the order in which they are rounded: `[k, k]` in
/// f32.
#[derive(Debug, Clone)]
pub struct Hessian {
    /// The input at each position.
    pub(super) inputs: Vec<u32>,
    pub(super) is_dead: Vec<bool>,
    /// Nothing where all inputs are dead.
    pub(super) factor: Vec<f32>,
    pub(super) options: GptqOptions,
    /// Share of the mean diagonal that was added.
    pub(super) damping: f64,
    pub(super) num_raised: usize,
    pub(super) num_dead: usize,
}

impl Hessian {
    /// Factors the Gram matrix of the inputs.
    ///
    /// # Errors
    /// When there are no tokens, an option is out of range, or the Gram matrix stays singular.
    pub fn new(moments: &Moments, options: &GptqOptions) -> Result<Self, SolveError> {
        let k = moments.inputs();
        moments.check(k)?;
        options.check()?;
        let is_dead: Vec<bool> = (0..k).map(|input| moments.diagonal(input) == 0.0).collect();
        let num_dead = is_dead.iter().filter(|is_dead| **is_dead).count();
        let inputs = order(moments, options.desc_act);
        let Factor { values, damping, num_raised } = if num_dead == k {
            Factor { values: Vec::new(), damping: options.damping, num_raised: 0 }
        } else {
            factor(moments, &inputs, options.damping)?
        };
        let options = *options;
        Ok(Self { inputs, is_dead, factor: values, options, damping, num_raised, num_dead })
    }
}

/// The input at each position; of equal ones the first comes first.
fn order(moments: &Moments, desc_act: bool) -> Vec<u32> {
    let mut inputs: Vec<u32> = (0_u32..).take(moments.inputs()).collect();
    if desc_act {
        let diagonal = |input: u32| moments.diagonal(input as usize);
        inputs.sort_by(|&first, &second| diagonal(second).total_cmp(&diagonal(first)));
    }
    inputs
}
