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
    /// The input at each position up to [`Block::width`]; none where it is dead.
    live: Vec<Option<usize>>,
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
    /// Rows of differences, how long one is, and where those of the block begin in it.
    pub(super) differences: (&'a mut [f32], usize, usize),
    /// `[rows, k]`
    pub(super) codes: &'a mut [u8],
    /// `[rows, groups]`
    pub(super) scales: &'a mut [f32],
    /// `[rows, groups]`
    pub(super) zero_points: &'a mut [u8],
    /// Scales and zero points of each group, where they are known before.
    pub(super) steps: &'a [Steps],
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
        let inputs = problem.inputs[positions.start..positions.start + width].iter();
        let live = inputs.map(|&input| Some(input as usize).filter(|it| !problem.is_dead[*it]));
        let live = live.collect();
        Self { problem, group_of, positions, live, columns, width, runs }
    }

    /// Inputs of a row.
    pub(super) fn k(&self) -> usize {
        self.problem.k
    }

    /// The first position that is rounded.
    pub(super) fn start(&self) -> usize {
        self.positions.start
    }

    /// Rounds the positions of some rows, 32 at most.
    pub(super) fn solve(&self, mut chunk: Chunk<'_>, room: &mut Room) {
        let (problem, start) = (self.problem, self.positions.start);
        load(&mut room.weights, chunk.weight, problem.k, |at| self.live[at]);
        load(&mut room.sums, chunk.sums, problem.k, |at| Some(start + at));
        pulp::Arch::new().dispatch(Solve { block: self, chunk: &mut chunk, room });
        let (differences, width, column) = chunk.differences;
        for (lane, row) in differences.chunks_exact_mut(width).enumerate() {
            let values = row[column..].iter_mut().zip(&room.differences);
            values.for_each(|(value, lanes)| *value = lanes[lane]);
        }
        let inputs = &problem.inputs[self.positions.clone()];
        for (lane, row) in chunk.codes.chunks_exact_mut(problem.k).enumerate() {
            for (&input, lanes) in inputs.iter().zip(&room.codes) {
                row[input as usize] = byte(lanes[lane]);
            }
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
        for run in &block.runs {
            let first = run.positions.start;
            let end = run.begins_until.unwrap_or(run.positions.end);
            block.catch_up(room, first..end, first);
            let group = block.group_of[start + first];
            let of_run = if run.begins_until.is_some() {
                let (min, max) = block.range(room, first..end);
                let steps = Steps::of_ranges(grid, &min, &max);
                chunk.set_steps(group, groups, &steps);
                steps
            } else {
                Steps::of_group(chunk.scales, chunk.zero_points, group, groups)
            };
            for at in run.positions.clone() {
                let steps = chunk.steps.get(block.group_of[start + at]).unwrap_or(&of_run);
                let column = &block.columns[at * block.width..][..=at];
                let known = &room.differences[first..at];
                let sums = add_products(&room.sums[at], &column[first..at], known);
                let mut weights = room.weights[at];
                for lane in 0..LANES {
                    weights[lane] += sums[lane] / column[at];
                }
                let (codes, values) = steps.round(&weights, last_code);
                room.codes[at] = codes;
                let (weights, differences) = (&room.weights[at], &mut room.differences[at]);
                for lane in 0..LANES {
                    differences[lane] = weights[lane] - values[lane];
                }
            }
        }
    }
}
