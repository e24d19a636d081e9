//! Spaces: dimensions, the conditions under which they exist, and points.

/// Dimensions that a search decides about, those that others depend on first.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    dimensions: Vec<Dimension>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimension {
    /// What can be decided.
    pub domain: Domain,
    /// When there is anything to decide: all of these.
    pub conditions: Vec<Condition>,
}

/// A condition on an earlier dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The dimension, one of choices.
    pub dimension: usize,
    /// Its choices that meet the condition.
    pub choices: Vec<usize>,
}

/// What can be decided in a dimension.
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// One of so many choices that have no order.
    Choices(usize),
    /// A number of a grid.
    Grid(Grid),
    /// Any number of a range.
    Range {
        /// Least number.
        min: f64,
        /// Greatest number.
        max: f64,
        /// Whether logarithms are spread evenly; both ends are above 0 then.
        is_log: bool,
    },
}

/// Numbers at equal distances, or in equal ratios.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Least number.
    pub min: f64,
    /// Distance of neighbors, or their ratio.
    pub step: f64,
    /// How many there are.
    pub count: usize,
    /// Whether `step` is a ratio; `min` is above 0 then.
    pub is_log: bool,
}

/// What was decided in a dimension.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// The choice with this number.
    Choice(usize),
    /// This number.
    Number(f64),
}

/// A level for each dimension of a space; none where there is nothing to decide.
pub type Point = Vec<Option<Level>>;

impl Space {
    /// The space of `dimensions`.
    ///
    /// # Panics
    /// When a condition is about no earlier dimension of choices, or a domain is empty.
    pub fn new(dimensions: Vec<Dimension>) -> Self {
        for (index, dimension) in dimensions.iter().enumerate() {
            assert!(dimension.domain.count() != Some(0), "dimension {index} has nothing to decide");
            for condition in &dimension.conditions {
                let earlier = dimensions[..index].get(condition.dimension);
                let has_choices =
                    earlier.is_some_and(|earlier| matches!(earlier.domain, Domain::Choices(_)));
                assert!(has_choices, "dimension {index} depends on no earlier choice");
            }
        }
        Self { dimensions }
    }

    /// The dimensions.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// How many points there are; `None` when a dimension has any number of a range, or they are too
    /// many to count.
    pub fn count(&self) -> Option<u64> {
        if self.dimensions.iter().any(|dimension| dimension.domain.count().is_none()) {
            return None;
        }
        let all: Vec<usize> = (0..self.dimensions.len()).collect();
        self.count_of(&all, &mut vec![None; all.len()])
    }

    /// Ways to decide the dimensions `open` when `point` has decided those before them.
    fn count_of(&self, open: &[usize], point: &mut Point) -> Option<u64> {
        let mut count: u64 = 1;
        for group in self.groups(open) {
            count = count.checked_mul(self.count_group(&group, point)?)?;
        }
        Some(count)
    }

    /// The same of dimensions that depend on each other: one way after the other for the first.
    fn count_group(&self, group: &[usize], point: &mut Point) -> Option<u64> {
        let [first, rest @ ..] = group else { return Some(1) };
        let dimension = &self.dimensions[*first];
        let choices = if dimension.exists_in(point) { dimension.domain.count()? } else { 1 };
        if rest.is_empty() {
            return u64::try_from(choices).ok();
        }
        let mut count: u64 = 0;
        for choice in 0..choices {
            point[*first] = dimension.level(choice, point);
            count = count.checked_add(self.count_of(rest, point)?)?;
        }
        point[*first] = None;
        Some(count)
    }

    /// The dimensions `open` in groups, none of which depends on another.
    fn groups(&self, open: &[usize]) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for &index in open {
            let conditions = &self.dimensions[index].conditions;
            let is_linked = |group: &Vec<usize>| {
                conditions.iter().any(|condition| group.contains(&condition.dimension))
            };
            let (linked, others) = groups.into_iter().partition(is_linked);
            groups = others;
            let linked: Vec<Vec<usize>> = linked;
            groups.push(linked.into_iter().flatten().chain([index]).collect());
        }
        groups
    }

    /// The first point of the grid in lexicographic order; `None` when there is no grid.
    pub(crate) fn first(&self) -> Option<Point> {
        self.complete(Vec::new())
    }

    /// The point of the grid after `point` in lexicographic order.
    pub(crate) fn next(&self, point: &Point) -> Option<Point> {
        for index in (0..point.len()).rev() {
            let Some(level) = point[index] else { continue };
            let domain = &self.dimensions[index].domain;
            let number = domain.number_of(level)? + 1;
            if number < domain.count()? {
                let mut next = point[..index].to_vec();
                next.push(Some(domain.level(number)));
                return self.complete(next);
            }
        }
        None
    }

    /// `point` with the first level of every dimension that it does not decide.
    fn complete(&self, mut point: Point) -> Option<Point> {
        for dimension in &self.dimensions[point.len()..] {
            dimension.domain.count()?;
            point.push(dimension.level(0, &point));
        }
        Some(point)
    }
}

impl Dimension {
    /// A dimension that always exists.
    pub fn new(domain: Domain) -> Self {
        Self { domain, conditions: Vec::new() }
    }

    /// The same when the earlier `dimension` has one of `choices`, too.
    #[must_use]
    pub fn when(mut self, dimension: usize, choices: Vec<usize>) -> Self {
        self.conditions.push(Condition { dimension, choices });
        self
    }

    /// Whether there is anything to decide after the earlier decisions of `point`.
    pub(crate) fn exists_in(&self, point: &[Option<Level>]) -> bool {
        self.conditions.iter().all(|condition| {
            matches!(point.get(condition.dimension), Some(Some(Level::Choice(choice)))
                if condition.choices.contains(choice))
        })
    }

    fn level(&self, number: usize, point: &[Option<Level>]) -> Option<Level> {
        self.exists_in(point).then(|| self.domain.level(number))
    }
}

impl Domain {
    /// How many levels there are; `None` for any number of a range.
    pub fn count(&self) -> Option<usize> {
        match self {
            Self::Choices(count) | Self::Grid(Grid { count, .. }) => Some(*count),
            Self::Range { .. } => None,
        }
    }

    /// The level with this number, the ends of a range being 0 and 1.
    fn level(&self, number: usize) -> Level {
        match self {
            Self::Choices(_) => Level::Choice(number),
            Self::Grid(grid) => Level::Number(grid.at(number)),
            Self::Range { min, max, .. } => Level::Number(if number == 0 { *min } else { *max }),
        }
    }

    /// The number of a level of this domain.
    fn number_of(&self, level: Level) -> Option<usize> {
        match (self, level) {
            (_, Level::Choice(choice)) => Some(choice),
            (Self::Grid(grid), Level::Number(value)) => Some(grid.place_of(value)),
            (_, Level::Number(_)) => None,
        }
    }
}

impl Grid {
    /// The number at this place of the grid.
    pub fn at(&self, number: usize) -> f64 {
        let steps = f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        if self.is_log {
            self.min * self.step.powf(steps)
        } else {
            steps.mul_add(self.step, self.min)
        }
    }

    /// The place of the first number that is not below `value`; the last where all are.
    pub(crate) fn place_of(&self, value: f64) -> usize {
        let (mut low, mut high) = (0, self.count.saturating_sub(1));
        while low < high {
            let middle = low.midpoint(high);
            if self.at(middle) < value {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(count: usize) -> Dimension {
        Dimension::new(Domain::Choices(count))
    }

    fn grid(min: f64, step: f64, count: usize, is_log: bool) -> Dimension {
        Dimension::new(Domain::Grid(Grid { min, step, count, is_log }))
    }

    fn walk(space: &Space) -> Vec<Point> {
        std::iter::successors(space.first(), |point| space.next(point)).collect()
    }

    #[test]
    fn a_space_counts_the_points_it_walks_through() {
        for (dimensions, count) in [
            (vec![], 1),
            (vec![choices(3), choices(2)], 6),
            (vec![choices(3), choices(4).when(0, vec![1, 2])], 9),
            (vec![choices(2), choices(2).when(0, vec![1]), choices(5).when(1, vec![0])], 7),
            (vec![choices(2), grid(1.0, 0.5, 3, false).when(0, vec![0]), choices(2)], 8),
            (vec![grid(1e-5, 10.0, 3, true)], 3),
        ] {
            let space = Space::new(dimensions);
            let points = walk(&space);
            assert_eq!(space.count(), Some(count), "{space:?}");
            assert_eq!(u64::try_from(points.len()), Ok(count), "{space:?}");
            let is_new = |(at, point)| !points[..at].contains(point);
            assert!(points.iter().enumerate().all(is_new), "{space:?}");
        }
    }

    #[test]
    fn a_range_has_no_end_of_points() {
        let range = Domain::Range { min: 0.0, max: 1.0, is_log: false };
        let space = Space::new(vec![choices(2), Dimension::new(range)]);
        assert_eq!(space.count(), None);
        assert_eq!(walk(&space), Vec::<Point>::new());
    }

    #[test]
    fn more_points_than_numbers_are_not_counted() {
        assert_eq!(Space::new(vec![choices(2); 64]).count(), None);
        assert_eq!(Space::new(vec![choices(2); 63]).count(), Some(1 << 63));
    }

    #[test]
    fn many_conditions_are_counted_at_once() {
        // Each of 39 pairs exists with a first choice, and its second with one level of its first.
        let pair = |index: usize| {
            let second = choices(2).when(0, vec![0]).when(2 * index + 1, vec![0]);
            [choices(2).when(0, vec![0]), second]
        };
        let dimensions = std::iter::once(choices(2)).chain((0..39).flat_map(pair)).collect();
        assert_eq!(Space::new(dimensions).count(), Some(3_u64.pow(39) + 1));
    }

    #[test]
    fn places_of_a_long_grid_are_found() {
        let grid = Grid { min: 0.5, step: 0.1, count: 1_000_000, is_log: false };
        for number in [0, 1, 77_777, 999_999] {
            assert_eq!(grid.place_of(grid.at(number)), number);
        }
        assert_eq!((grid.place_of(-1.0), grid.place_of(1e9)), (0, 999_999));
    }

    #[test]
    fn grids_have_equal_distances_or_ratios() {
        let at = |min, step, is_log| Grid { min, step, count: 4, is_log }.at(3);
        assert!((at(1.0, 0.5, false) - 2.5_f64).abs() < 1e-12);
        assert!((at(1e-5, 10.0, true) - 1e-2_f64).abs() < 1e-12);
    }
}
