//! Draws from a tree-structured Parzen estimator: a density of what was good over one of the rest.
//!
//! A dimension learns from the points in which it exists.

use rand::Rng;
use tpe::density_estimation::DefaultEstimatorBuilder;
use tpe::{TpeOptimizerBuilder, histogram_estimator, parzen_estimator};

use super::Told;
use super::draw::{self, Drawn};
use crate::space::{Domain, Level, Point, Space};

/// Share of what was tried that counts as good (Bergstra et al. 2011 take 0.15).
const GOOD: f64 = 0.15;
/// Candidates of which the one with the greatest expected improvement is taken.
const CANDIDATES: usize = 24;

/// A point of `space`, in view of what was tried.
pub(super) fn draw(space: &Space, told: &[Told], random: &mut impl Rng) -> Point {
    draw::draw(space, |index, domain| {
        level(index, domain, told, random).unwrap_or_else(|| Drawn::any(domain, random))
    })
}

/// A level for the dimension number `index`; none where an estimator says nothing.
fn level(index: usize, domain: &Domain, told: &[Told], random: &mut impl Rng) -> Option<Level> {
    let range = tpe::range(0.0, domain.width()).ok()?;
    let mut builder = TpeOptimizerBuilder::new();
    let builder = builder.gamma(GOOD).candidates(CANDIDATES);
    let mut estimator = builder.build(estimator(domain), range).ok()?;
    let last = told.len();
    for Told { point, rank } in told {
        let Some(level) = point[index] else { continue };
        let rank = u32::try_from(rank.unwrap_or(last)).unwrap_or(u32::MAX);
        estimator.tell(domain.place_of(level), f64::from(rank)).ok()?;
    }
    Some(domain.at(estimator.ask(random).ok()?))
}

fn estimator(domain: &Domain) -> DefaultEstimatorBuilder {
    match domain {
        Domain::Choices(_) => histogram_estimator(),
        Domain::Grid(_) | Domain::Range { .. } => parzen_estimator(),
    }
}
