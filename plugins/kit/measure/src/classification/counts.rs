//! Figures that rest on how often which label was found for which.

use std::iter::zip;

use olive_schemas::metric::Average;

use crate::uncertainty::Figure;

/// How often each label was found rightly, found wrongly and missed.
pub(super) struct Counts {
    classes: Vec<Class>,
    rows: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Class {
    found: usize,
    wrongly: usize,
    missed: usize,
}

impl Counts {
    /// Counts what was `found` against the `targets`.
    pub(super) fn new(num_labels: usize, targets: &[usize], found: &[usize]) -> Self {
        let mut classes = vec![Class::default(); num_labels];
        for (&target, &found) in zip(targets, found) {
            if target == found {
                classes[target].found += 1;
            } else {
                classes[found].wrongly += 1;
                classes[target].missed += 1;
            }
        }
        Self { classes, rows: targets.len() }
    }

    /// The figure `name` of a task whose second label is the one to find.
    pub(super) fn binary(&self, name: &str) -> Figure {
        if name == "accuracy_score" {
            self.share()
        } else {
            Figure::plain(self.classes[1].figure(name))
        }
    }

    /// The figure `name` of all labels.
    pub(super) fn multiclass(&self, name: &str, average: Average, top_k: usize) -> Figure {
        // Of single labels, what one misses another finds wrongly: micro figures are all the same.
        let counts_absent = top_k > 1 && name != "f1_score";
        let weight = |class: &Class| match average {
            Average::Micro | Average::Weighted => class.support() as f64,
            Average::Macro if counts_absent => f64::from(u8::from(class.support() > 0)),
            Average::Macro => f64::from(u8::from(class.support() + class.wrongly > 0)),
        };
        if average == Average::Micro {
            return self.share();
        }
        let weights: f64 = self.classes.iter().map(weight).sum();
        let weighted = self.classes.iter().map(|class| weight(class) * class.figure(name));
        Figure::plain(divided(weighted.sum(), weights))
    }

    /// Share of the rows that are found rightly.
    fn share(&self) -> Figure {
        Figure::share(self.classes.iter().map(|class| class.found).sum(), self.rows)
    }
}

impl Class {
    /// Rows that have this label.
    fn support(self) -> usize {
        self.found + self.missed
    }

    fn figure(self, name: &str) -> f64 {
        let Self { found, wrongly, missed } = self;
        let below = match name {
            "precision" => found + wrongly,
            "f1_score" => 2 * found + wrongly + missed,
            _ => found + missed,
        };
        let above = if name == "f1_score" { 2 * found } else { found };
        divided(above as f64, below as f64)
    }
}

fn divided(above: f64, below: f64) -> f64 {
    if below == 0.0 { 0.0 } else { above / below }
}
