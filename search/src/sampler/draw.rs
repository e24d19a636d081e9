//! Points whose levels are drawn, one dimension after the other.

use rand::Rng;
use rand::RngExt;

use crate::space::{Domain, Level, Point, Space};

/// Ways to draw a level.
pub(super) struct Drawn;

impl Drawn {
    /// Any level of `domain`, all as likely.
    pub(super) fn any(domain: &Domain, random: &mut impl Rng) -> Level {
        let place = random.random_range(0.0..domain.width());
        domain.at(place)
    }
}

/// A point of `space` whose levels are what `level` gives for the dimensions that exist.
pub(super) fn draw(space: &Space, mut level: impl FnMut(usize, &Domain) -> Level) -> Point {
    let mut point = Point::new();
    for (index, dimension) in space.dimensions().iter().enumerate() {
        let drawn = dimension.exists_in(&point).then(|| level(index, &dimension.domain));
        point.push(drawn);
    }
    point
}

impl Domain {
    /// Width of the line on which places stand for levels: so many choices or numbers of a grid, 1
    /// for a range.
    pub(super) fn width(&self) -> f64 {
        self.count().map_or(1.0, |count| f64::from(u32::try_from(count).unwrap_or(u32::MAX)))
    }

    /// The level at a place of the line, from 0 to below its width.
    pub(super) fn at(&self, place: f64) -> Level {
        match self {
            Self::Choices(count) => Level::Choice(whole(place, *count)),
            Self::Grid(grid) => Level::Number(grid.at(whole(place, grid.count))),
            Self::Range { min, max, is_log } => {
                let number = if *is_log {
                    (max.ln() - min.ln()).mul_add(place, min.ln()).exp()
                } else {
                    (max - min).mul_add(place, *min)
                };
                Level::Number(number.clamp(*min, *max))
            }
        }
    }

    /// The middle of the places that stand for `level`.
    pub(super) fn place_of(&self, level: Level) -> f64 {
        let middle = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX)) + 0.5;
        match (self, level) {
            (_, Level::Choice(choice)) => middle(choice),
            (Self::Grid(grid), Level::Number(value)) => middle(grid.place_of(value)),
            (Self::Range { min, max, is_log: true }, Level::Number(value)) => {
                (value.ln() - min.ln()) / (max.ln() - min.ln())
            }
            (Self::Range { min, max, .. }, Level::Number(value)) => (value - min) / (max - min),
            (Self::Choices(_), Level::Number(_)) => 0.0,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places are not below 0 and below the count"
)]
fn whole(place: f64, count: usize) -> usize {
    (place as usize).min(count - 1)
}
