//! A block of inputs, rounded one after the other; rows side by side.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use std::ops::Range;

use pulp::NullaryFnOnce;

use super::Problem;
use crate::grid::byte;
use crate::lanes::{LANES, Lanes, Steps, add_products, add_scaled, load, widen};

/// A block of inputs. Positions within it count from its start.
pub(super) struct Block<'a> {
    problem: &'a Problem<'a>,
    /// The group of each position of the matrix.
    group_of: &'a [usize],
    /// Positions that are rounded.
    positions: Range<usize>,
    /// Columns of the factor, `[width, width]`: the entries above the diagonal entry, and that.
    columns: Vec<f32>,
    /// Positions up to the end of the last group that begins here.
    width: usize,
    runs: Vec<Run>,
}

/// Some rows of everything.
pub(super) struct Chunk<'a> {
    /// `[rows, k]`
    pub(super) weight: &'a [f32],
    /// What earlier blocks have done to each position, `[rows, k]`.
    pub(super) sums: &'a [f32],
    /// `[rows, positions]`
    pub(super) differences: &'a mut [f32],
    /// `[rows, k]`
    pub(super) codes: &'a mut [u8],
    /// `[rows, groups]`
    pub(super) scales: &'a mut [f32],
    /// `[rows, groups]`
    pub(super) zero_points: &'a mut [u8],
}

/// Room for a chunk.
pub(super) struct Room {
    weights: Vec<Lanes>,
    sums: Vec<Lanes>,
    differences: Vec<Lanes>,
    codes: Vec<Lanes>,
    /// How far the weights of a group have moved when it begins.
    moved: Vec<Lanes>,
}

/// Positions of one group, or of any where the groups' steps are known.
struct Run {
    positions: Range<usize>,
    /// End of the group whose steps are found first.
    begins_until: Option<usize>,
}

impl<'a> Block<'a> {
    pub(super) fn new(
        problem: &'a Problem<'a>,
        group_of: &'a [usize],
        positions: Range<usize>,
    ) -> Self {
        let runs = runs(problem, &positions);
        let ends = runs.iter().filter_map(|run| run.begins_until);
        let width = ends.max().unwrap_or(0).max(positions.len());
        let mut columns = vec![0.0; width * width];
        for (column, into) in columns.chunks_exact_mut(width).enumerate() {
            for (row, into) in into[..=column].iter_mut().enumerate() {
                let at = (positions.start + row) * problem.k + positions.start + column;
                *into = problem.factor[at];
            }
        }
        Self { problem, group_of, positions, columns, width, runs }
    }

    /// Rounds the positions of some rows, 32 at most.
    pub(super) fn solve(&self, mut chunk: Chunk<'_>, room: &mut Room) {
        let (problem, start) = (self.problem, self.positions.start);
        load(&mut room.weights, chunk.weight, problem.k, |at| {
            let input = problem.inputs[start + at] as usize;
            (!problem.is_dead[input]).then_some(input)
        });
        load(&mut room.sums, chunk.sums, problem.k, |at| Some(start + at));
        pulp::Arch::new().dispatch(Solve { block: self, chunk: &mut chunk, room });
        let (width, k) = (self.positions.len(), problem.k);
        for (at, values) in room.differences.iter().enumerate() {
            let rows = chunk.differences.chunks_exact_mut(width);
            rows.zip(values).for_each(|(row, value)| row[at] = *value);
        }
        for (at, codes) in room.codes.iter().enumerate() {
            let input = problem.inputs[start + at] as usize;
            let rows = chunk.codes.chunks_exact_mut(k);
            rows.zip(codes).for_each(|(row, code)| row[input] = byte(*code));
        }
    }

    /// Brings the sums of some positions up to date with all before `until`.
    #[inline(always)]
    fn catch_up(&self, room: &mut Room, positions: Range<usize>, until: usize) {
        for at in positions {
            let column = &self.columns[at * self.width..][..until];
            room.sums[at] = add_products(&room.sums[at], column, &room.differences);
        }
    }

    /// Smallest and largest weight of a group as it is when its first position is due: `x R = s`
    /// for its sums `s` says how far its weights have moved.
    #[inline(always)]
    fn range(&self, room: &mut Room, group: Range<usize>) -> (Lanes, Lanes) {
        let (mut min, mut max) = ([0.0; LANES], [0.0; LANES]);
        for at in group.clone() {
            let column = &self.columns[at * self.width..][..=at];
            let mut sums = room.sums[at];
            let known = column[group.start..at].iter().zip(&room.moved[group.start..at]);
            known.for_each(|(&factor, moved)| add_scaled(&mut sums, -factor, moved));
            let mut weights = room.weights[at];
            for lane in 0..LANES {
                room.moved[at][lane] = sums[lane] / column[at];
                weights[lane] += room.moved[at][lane];
            }
            widen((&mut min, &mut max), &weights);
        }
        (min, max)
    }
}

impl Room {
    pub(super) fn new(block: &Block<'_>) -> Self {
        let lanes = |count| vec![[0.0; LANES]; count];
        let (width, positions) = (block.width, block.positions.len());
        Self {
            weights: lanes(width),
            sums: lanes(width),
            differences: lanes(positions),
            codes: lanes(positions),
            moved: lanes(width),
        }
    }
}

impl Chunk<'_> {
    /// The steps of a group.
    #[inline(always)]
    fn steps(&self, group: usize, groups: usize) -> Steps {
        let mut steps = Steps { scale: [1.0; LANES], zero_point: [0.0; LANES] };
        let rows = self.scales.chunks_exact(groups).zip(self.zero_points.chunks_exact(groups));
        for (lane, (scales, zero_points)) in rows.enumerate() {
            steps.scale[lane] = scales[group];
            steps.zero_point[lane] = f32::from(zero_points[group]);
        }
        steps
    }

    #[inline(always)]
    fn set_steps(&mut self, group: usize, groups: usize, steps: &Steps) {
        let rows = self.scales.chunks_exact_mut(groups);
        let rows = rows.zip(self.zero_points.chunks_exact_mut(groups));
        for (lane, (scales, zero_points)) in rows.enumerate() {
            scales[group] = steps.scale[lane];
            zero_points[group] = byte(steps.zero_point[lane]);
        }
    }
}

/// The runs of a block.
fn runs(problem: &Problem<'_>, positions: &Range<usize>) -> Vec<Run> {
    let len = positions.len();
    if problem.is_static {
        return vec![Run { positions: 0..len, begins_until: None }];
    }
    let group_len = problem.grid.group_len(problem.k);
    let mut runs = Vec::new();
    let mut at = 0;
    while at < len {
        let place = positions.start + at;
        let group_end = (place / group_len + 1) * group_len - positions.start;
        let begins = place.is_multiple_of(group_len);
        let end = group_end.min(len);
        runs.push(Run { positions: at..end, begins_until: begins.then_some(group_end) });
        at = end;
    }
    runs
}

/// The part that is compiled for the processor's vectors.
struct Solve<'a, 'b> {
    block: &'a Block<'a>,
    chunk: &'a mut Chunk<'b>,
    room: &'a mut Room,
}

impl NullaryFnOnce for Solve<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { block, chunk, room } = self;
        let grid = block.problem.grid;
        let (last_code, start) = (grid.last_code(), block.positions.start);
        let groups = block.problem.k / grid.group_len(block.problem.k);
        let mut current = (usize::MAX, chunk.steps(0, groups));
        for run in &block.runs {
            let first = run.positions.start;
            let end = run.begins_until.unwrap_or(run.positions.end);
            block.catch_up(room, first..end, first);
            if run.begins_until.is_some() {
                let (min, max) = block.range(room, first..end);
                let steps = Steps::of_ranges(grid, &min, &max);
                chunk.set_steps(block.group_of[start + first], groups, &steps);
            }
            for at in run.positions.clone() {
                let group = block.group_of[start + at];
                if group != current.0 {
                    current = (group, chunk.steps(group, groups));
                }
                let column = &block.columns[at * block.width..][..=at];
                let known = &room.differences[first..at];
                let sums = add_products(&room.sums[at], &column[first..at], known);
                let mut weights = room.weights[at];
                for lane in 0..LANES {
                    weights[lane] += sums[lane] / column[at];
                }
                let (codes, values) = current.1.round(&weights, last_code);
                room.codes[at] = codes;
                let (weights, differences) = (&room.weights[at], &mut room.differences[at]);
                for lane in 0..LANES {
                    differences[lane] = weights[lane] - values[lane];
                }
            }
        }
    }
}
