//! A course of figures in one line of text.

use std::collections::VecDeque;

/// Figures that are remembered.
const KEPT: usize = 40;
/// From low to high.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The last values of a figure.
#[derive(Debug, Clone, Default)]
pub(super) struct Course(VecDeque<f64>);

impl Course {
    /// Remembers a value; one that is no number is left out.
    pub(super) fn push(&mut self, value: f64) {
        if value.is_finite() {
            self.0.push_back(value);
        }
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    /// The last values as bars of at most `columns`, the lowest and the highest bar for the lowest
    /// and the highest value; nothing for fewer than two values.
    pub(super) fn bars(&self, columns: usize) -> String {
        let first = self.0.len().saturating_sub(columns);
        let shown = || self.0.iter().skip(first);
        if shown().count() < 2 {
            return String::new();
        }
        let (low, high) = shown()
            .fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
        shown().map(|value| BARS[level((value - low) / (high - low))]).collect()
    }
}

/// Which bar a share of the range gets; the middle one when there is no range.
fn level(share: f64) -> usize {
    let highest = BARS.len() - 1;
    if !share.is_finite() {
        return highest / 2;
    }
    (0..highest).filter(|level| share * highest as f64 > *level as f64 + 0.5).count()
}

#[cfg(test)]
mod tests {
    use super::Course;

    fn bars(values: &[f64], columns: usize) -> String {
        let mut course = Course::default();
        for value in values {
            course.push(*value);
        }
        course.bars(columns)
    }

    #[test]
    fn a_course_goes_from_the_lowest_bar_to_the_highest() {
        assert_eq!(bars(&[7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0], 40), "█▇▆▅▄▃▂▁");
        assert_eq!(bars(&[9.0, 1.0, 3.0], 2), "▁█");
        assert_eq!(bars(&[2.0, f64::NAN, 2.0], 40), "▄▄");
        assert_eq!(bars(&[2.0], 40), "");
        assert_eq!(bars(&vec![1.0; 500], 99).chars().count(), 40);
    }
}
