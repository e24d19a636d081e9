//! What a step cost layer by layer, such as the error of rounding weights, as a strip of shades.

use std::fmt::Write as _;

use olive_schemas::footprint::{Footprint, StepRecord};

use super::super::figures::number;
use super::escape::escape;
use crate::steps::steps;

/// Unit of the points of a curve that are about layers, and the figure that is shaded.
const UNIT: &str = "layer";
const FIGURE: &str = "error";
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 34.0;
/// Layers that are named as the worst.
const WORST: usize = 5;

/// A strip for each step that tells an error by layer.
pub(super) fn render(footprint: &Footprint) -> String {
    let strips = steps(footprint).into_iter().filter_map(|step| {
        let errors = errors(step.record);
        (errors.len() > 1).then(|| strip(&step.label(), &errors))
    });
    let strips: String = strips.collect();
    if strips.is_empty() {
        return strips;
    }
    format!("<section>\n<h2>Error by layer</h2>\n{strips}</section>\n")
}

/// Layers with their errors, in order.
fn errors(step: &StepRecord) -> Vec<(u64, f64)> {
    let points = step.curve.iter().filter(|point| point.unit == UNIT);
    let error = |value: Option<&f64>| value.copied().filter(|value| value.is_finite());
    points.filter_map(|point| Some((point.done, error(point.figures.get(FIGURE))?))).collect()
}

fn strip(title: &str, errors: &[(u64, f64)]) -> String {
    let largest = errors.iter().map(|(_, error)| *error).fold(0.0, f64::max);
    let width = WIDTH / errors.len() as f64;
    let mut cells = String::new();
    let mut x = 0.0;
    for (layer, error) in errors {
        let share = if largest > 0.0 { (error / largest).clamp(0.0, 1.0) } else { 0.0 };
        // Writing into memory does not fail.
        let _ = write!(
            cells,
            "<rect class=\"heat\" x=\"{x:.2}\" y=\"0\" width=\"{:.2}\" height=\"{HEIGHT}\" \
             fill-opacity=\"{:.3}\"><title>layer {layer}: {}</title></rect>",
            (width - 1.0).max(0.5),
            0.06 + 0.94 * share,
            number(*error)
        );
        x += width;
    }
    let mut worst: Vec<&(u64, f64)> = errors.iter().collect();
    worst.sort_by(|one, other| other.1.total_cmp(&one.1));
    let worst: Vec<String> = worst
        .iter()
        .take(WORST)
        .map(|(layer, error)| format!("layer {layer} {}", number(*error)))
        .collect();
    let told = format!("{} layers from left to right; largest: {}", errors.len(), worst.join(", "));
    format!(
        "<figure class=\"card\"><figcaption><bdi>{}</bdi><br><small>{}</small></figcaption>\n\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" class=\"strip\" \
         role=\"img\" aria-label=\"{}\">{cells}</svg>\n</figure>\n",
        escape(title),
        escape(&told),
        escape(&format!("{title}: {told}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn errors_by_layer_are_a_strip() {
        let html = render(&sample::searches::full());
        assert_eq!(html.matches("class=\"heat\"").count(), 30);
        assert!(html.contains("30 layers from left to right; largest: layer 1 0.013"), "{html}");
        assert!(html.contains("fill-opacity=\"1.000\"><title>layer 1: "), "{html}");
        assert_eq!(render(&sample::full()), "");
    }
}
