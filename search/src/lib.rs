//! Search spaces, samplers, and the order of what they find.
//!
//! A [`Space`] has dimensions of choices and numbers; some exist only with certain choices of
//! others. A [`Sampler`] proposes [`Point`]s of it, none twice, and learns from the ranks of those
//! that were tried; [`order`] gives ranks by goals and objectives, and [`pareto_front`] what no other
//! beats. Nothing here knows what a point stands for, and everything is the same for the same seed.
//!
//! ```
//! use olive_search::{Dimension, Domain, Level, Sampler, Space};
//!
//! let space = Space::new(vec![
//!     Dimension::new(Domain::Choices(2)),
//!     // Exists with the second choice only.
//!     Dimension::new(Domain::Choices(3)).when(0, vec![1]),
//! ]);
//! assert_eq!(space.count(), Some(4));
//! let mut sampler = Sampler::sequential();
//! let points: Vec<_> = std::iter::from_fn(|| sampler.ask(&space, &[])).collect();
//! assert_eq!(points[0], [Some(Level::Choice(0)), None]);
//! assert_eq!(points[3], [Some(Level::Choice(1)), Some(Level::Choice(2))]);
//! assert_eq!(points.len(), 4);
//! ```

mod space;
mod sampler;
mod order;

pub use order::{Objective, Score, decided, order, pareto_front};
pub use sampler::{Sampler, Told};
pub use space::{Condition, Dimension, Domain, Grid, Level, Point, Space};
