//! Samplers: which point is tried next.

mod draw;
mod parzen;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use crate::space::{Point, Space};
use draw::{Drawn, draw};

/// Points drawn at random before an estimator has anything to go by.
const WARM_UP: usize = 8;
/// Draws in vain after which the rest of a space is walked through.
const PATIENCE: usize = 200;

/// A point that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The point.
    pub point: Point,
    /// Its place in the order of all that were tried, the best 0; none when it led to nothing.
    pub rank: Option<usize>,
}

/// Proposes points of a space, none twice.
#[derive(Debug)]
pub struct Sampler {
    way: Way,
    asked: Vec<Point>,
}

#[derive(Debug)]
enum Way {
    Sequential,
    Random(ChaCha8Rng),
    Tpe(ChaCha8Rng),
}

impl Sampler {
    /// All points of a grid in lexicographic order, the last dimension the fastest.
    pub fn sequential() -> Self {
        Self::of(Way::Sequential)
    }

    /// Random points.
    pub fn random(seed: u64) -> Self {
        Self::of(Way::Random(ChaCha8Rng::seed_from_u64(seed)))
    }

    /// Random points at first, then those that a tree-structured Parzen estimator (Bergstra et al.,
    /// "Algorithms for Hyper-Parameter Optimization", 2011) expects to improve most, each dimension
    /// by itself.
    pub fn tpe(seed: u64) -> Self {
        Self::of(Way::Tpe(ChaCha8Rng::seed_from_u64(seed)))
    }

    fn of(way: Way) -> Self {
        Self { way, asked: Vec::new() }
    }

    /// The next point of `space`, when there is one that was not asked for; `told` is what came of
    /// earlier ones.
    pub fn ask(&mut self, space: &Space, told: &[Told]) -> Option<Point> {
        let asked = &self.asked;
        let is_new = |point: &Point| !asked.contains(point);
        let next = match &mut self.way {
            Way::Sequential => match asked.last() {
                None => space.first(),
                Some(last) => space.next(last),
            },
            Way::Random(random) => {
                new_of(space, is_new, || draw(space, |_, domain| Drawn::any(domain, random)))
            }
            Way::Tpe(random) => {
                let estimated = told.iter().filter(|told| told.rank.is_some()).count() >= WARM_UP;
                new_of(space, is_new, || {
                    if estimated {
                        parzen::draw(space, told, random)
                    } else {
                        draw(space, |_, domain| Drawn::any(domain, random))
                    }
                })
            }
        };
        self.asked.extend(next.clone());
        next
    }
}

/// A point that `is_new`: one of some draws, else the first on a walk through the grid.
fn new_of(
    space: &Space,
    is_new: impl Fn(&Point) -> bool,
    mut draw: impl FnMut() -> Point,
) -> Option<Point> {
    let drawn = (0..PATIENCE).map(|_| draw()).find(|point| is_new(point));
    drawn.or_else(|| {
        std::iter::successors(space.first(), |point| space.next(point)).find(|point| is_new(point))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Dimension, Domain, Grid, Level};

    fn space() -> Space {
        Space::new(vec![
            Dimension::new(Domain::Choices(4)),
            Dimension::new(Domain::Choices(3)).when(0, vec![1, 2]),
            Dimension::new(Domain::Grid(Grid { min: 0.0, step: 1.0, count: 8, is_log: false })),
        ])
    }

    /// What a point costs: least at choice 2, its second dimension 1, its number 5.
    fn cost(point: &Point) -> f64 {
        let choice = |level: Option<Level>, best: usize| {
            f64::from(u8::from(level != Some(Level::Choice(best))))
        };
        let Some(Level::Number(number)) = point[2] else { panic!("{point:?}") };
        2.0 * choice(point[0], 2) + choice(point[1], 1) + (number - 5.0).abs() / 8.0
    }

    fn told(points: &[Point]) -> Vec<Told> {
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|one, other| cost(&points[*one]).total_cmp(&cost(&points[*other])));
        let rank = |index| order.iter().position(|found| *found == index);
        let told =
            |(index, point): (usize, &Point)| Told { point: point.clone(), rank: rank(index) };
        points.iter().enumerate().map(told).collect()
    }

    fn run(mut sampler: Sampler, samples: usize) -> Vec<Point> {
        let space = space();
        let mut points = Vec::new();
        while points.len() < samples {
            let Some(point) = sampler.ask(&space, &told(&points)) else { break };
            points.push(point);
        }
        points
    }

    #[test]
    fn every_sampler_ends_when_all_points_were_tried() {
        let count = usize::try_from(space().count().unwrap()).unwrap();
        assert_eq!(count, 64);
        for sampler in [Sampler::sequential(), Sampler::random(1), Sampler::tpe(1)] {
            let name = format!("{sampler:?}");
            let points = run(sampler, 1000);
            assert_eq!(points.len(), count, "{name}");
            let is_new = |(at, point)| !points[..at].contains(point);
            assert!(points.iter().enumerate().all(is_new), "{name}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_points() {
        for new in [Sampler::random, Sampler::tpe] {
            assert_eq!(run(new(7), 30), run(new(7), 30));
            assert_ne!(run(new(7), 30), run(new(8), 30));
        }
    }

    /// Points that are tried until the best of all is found, on average over seeds.
    fn mean_until_found(new: fn(u64) -> Sampler) -> f64 {
        let counts = (0..40).map(|seed| {
            let points = run(new(seed), 64);
            let at = points.iter().position(|point| cost(point) == 0.0).unwrap();
            f64::from(u32::try_from(at).unwrap())
        });
        counts.sum::<f64>() / 40.0
    }

    #[test]
    fn an_estimator_finds_the_best_sooner_than_chance() {
        let (tpe, random) = (mean_until_found(Sampler::tpe), mean_until_found(Sampler::random));
        assert!(tpe < 0.75 * random, "{tpe} {random}");
    }

    #[test]
    fn a_range_is_sampled_within_its_ends() {
        let range = Domain::Range { min: 1e-5, max: 1e-3, is_log: true };
        let space = Space::new(vec![Dimension::new(range)]);
        for mut sampler in [Sampler::random(3), Sampler::tpe(3)] {
            let mut points = Vec::new();
            for _ in 0..40 {
                let told: Vec<Told> = points
                    .iter()
                    .enumerate()
                    .map(|(rank, point): (usize, &Point)| Told {
                        point: point.clone(),
                        rank: Some(rank),
                    })
                    .collect();
                points.push(sampler.ask(&space, &told).unwrap());
            }
            let below = points.iter().filter(|point| {
                let Some(Level::Number(number)) = point[0] else { panic!("{point:?}") };
                assert!((1e-5..=1e-3).contains(&number), "{number}");
                number < 1e-4
            });
            // Half of a logarithmic range lies below the geometric mean of its ends.
            let below = below.count();
            assert!((8..=32).contains(&below), "{below}");
        }
        assert_eq!(Sampler::sequential().ask(&space, &[]), None);
    }
}
