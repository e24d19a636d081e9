//! A rotation that is learned for the rounding of weights after it.
//!
//! Liu et al., "`SpinQuant`: LLM Quantization with Learned Rotations" (2024), learn a rotation `R` of
//! the residual stream by steps of Cayley on the loss of a model with rounded activations. Here what
//! falls is the error that rounded weights make in the outputs of linear layers, a [`RoundingCost`],
//! whose gradient needs no tape.
//!
//! A step turns `R` along the gradient by an angle. One that does not lower the cost, with all
//! weights rounded anew, is taken back, and the angle is halved: what is learned is never worse than
//! what it starts from.

mod cayley;
mod cost;
#[cfg(test)]
mod reference;

pub use cost::RoundingCost;

use crate::rotation::Rotation;
use cayley::{skew_part, spectral_norm, turned};

/// Largest angle of a step in radians: the iteration of Cayley ends soon.
const LARGEST_ANGLE: f64 = 1.0;
/// What the angle becomes after a step that lowers the cost.
const GROWTH: f64 = 1.25;
/// The least angle of a step that is tried.
const LEAST_ANGLE: f64 = 1e-5;

/// How a rotation is learned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpinOptions {
    /// Steps that are tried at most.
    pub max_steps: usize,
    /// Angle of the first step in radians; more than 1 is 1.
    pub angle: f64,
}

/// A rotation that was learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Spun {
    /// The best that was found.
    pub rotation: Rotation,
    /// Cost of what it was started from.
    pub before: f64,
    /// Its cost.
    pub after: f64,
    /// Steps that lowered the cost.
    pub num_taken: usize,
}

/// A rotation with its cost and the gradient of that.
struct Tried {
    rotation: Vec<f32>,
    cost: f64,
    gradient: Vec<f32>,
}

/// Learns a rotation from `start` on.
///
/// `add` adds what every matrix costs; `tell` hears of each step the number, from 1, and the least
/// cost so far. Takes some dozen products of matrices `[size, size]` a step, and six such matrices.
///
/// # Errors
/// When `add` fails.
pub fn spin<E>(
    start: &Rotation,
    options: SpinOptions,
    mut add: impl FnMut(&mut RoundingCost<'_>) -> Result<(), E>,
    mut tell: impl FnMut(usize, f64),
) -> Result<Spun, E> {
    let size = start.size();
    let mut best = Tried::new(start.to_dense(), size, &mut add)?;
    let before = best.cost;
    let mut angle = options.angle.min(LARGEST_ANGLE);
    let mut num_taken = 0;
    for step in 1..=options.max_steps {
        skew_part(&mut best.gradient, size);
        let norm = spectral_norm(&best.gradient, size);
        if norm == 0.0 || angle < LEAST_ANGLE {
            break;
        }
        let rotation = turned(&best.rotation, &best.gradient, size, angle, norm);
        let tried = Tried::new(rotation, size, &mut add)?;
        if tried.cost < best.cost {
            best = tried;
            num_taken += 1;
            angle = (angle * GROWTH).min(LARGEST_ANGLE);
        } else {
            angle /= 2.0;
        }
        tell(step, best.cost);
    }
    let rotation =
        if num_taken == 0 { start.clone() } else { Rotation::dense(best.rotation, size) };
    Ok(Spun { rotation, before, after: best.cost, num_taken })
}

impl Tried {
    fn new<E>(
        rotation: Vec<f32>,
        size: usize,
        add: &mut impl FnMut(&mut RoundingCost<'_>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut cost = RoundingCost::new(&rotation, size);
        add(&mut cost)?;
        let (cost, gradient) = cost.into_parts();
        Ok(Self { rotation, cost, gradient })
    }
}

#[cfg(test)]
mod tests {
    use super::reference::{GRID, Problem, wide};
    use super::*;
    use crate::error::SolveError;

    /// Largest entry of `R^T R - 1`: products are summed in f32.
    const ORTHOGONAL: f32 = 1e-5;

    fn learn(problem: &Problem, start: &Rotation, max_steps: usize) -> Spun {
        let options = SpinOptions { max_steps, angle: 0.25 };
        let add = |cost: &mut RoundingCost<'_>| problem.add(cost, GRID);
        spin::<SolveError>(start, options, add, |_, _| ()).unwrap()
    }

    #[test]
    fn the_cost_falls_and_the_rotation_stays_one() {
        let (problem, start) = (Problem::new(32), Rotation::random(32, 3).unwrap());
        let spun = learn(&problem, &start, 25);
        assert!(spun.num_taken > 3 && spun.after < 0.9 * spun.before, "{spun:?}");
        let mut columns = spun.rotation.to_dense();
        spun.rotation.restore_rows(&mut columns);
        for (at, entry) in columns.iter().enumerate() {
            let unit = if at / 32 == at % 32 { 1.0 } else { 0.0 };
            assert!((entry - unit).abs() < ORTHOGONAL, "{at}: {entry}");
        }
        let rotation = spun.rotation.to_dense();
        let codes = problem.codes(&rotation, GRID).unwrap();
        let exact = problem.cost_of(&wide(&rotation), &codes);
        assert!((exact / spun.after - 1.0).abs() < 1e-3, "{exact} {}", spun.after);
    }

    #[test]
    fn without_a_step_the_rotation_is_what_it_was() {
        let (problem, start) = (Problem::new(16), Rotation::random(16, 1).unwrap());
        let spun = learn(&problem, &start, 0);
        assert_eq!((spun.num_taken, spun.rotation), (0, start));
        assert!(spun.before > 0.0 && spun.before.to_bits() == spun.after.to_bits());
    }

    #[test]
    fn each_step_is_told_with_the_least_cost() {
        let (problem, start) = (Problem::new(16), Rotation::random(16, 1).unwrap());
        let options = SpinOptions { max_steps: 6, angle: 1.0 };
        let mut told = Vec::new();
        let add = |cost: &mut RoundingCost<'_>| problem.add(cost, GRID);
        spin::<SolveError>(&start, options, add, |step, cost| told.push((step, cost))).unwrap();
        assert!(told.iter().map(|(step, _)| *step).eq(1..=6));
        assert!(told.windows(2).all(|pair| pair[1].1 <= pair[0].1), "{told:?}");
    }
}
