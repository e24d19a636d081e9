//! Which model was made from which, as a picture: what trials share is drawn once.

use std::fmt::Write as _;

use olive_schemas::footprint::{Footprint, ModelRecord};

use super::super::lineage::{is_on, way};
use super::super::table::{Table, table};
use super::super::trials::trials;
use super::escape::{escape, label};
use crate::steps::trials_of;

const NODE_WIDTH: f64 = 196.0;
const NODE_HEIGHT: f64 = 62.0;
const COLUMN: f64 = NODE_WIDTH + 44.0;
const ROW: f64 = NODE_HEIGHT + 12.0;
/// Columns of text that a node has room for.
const NODE_COLUMNS: usize = 24;
/// Figures at a node.
const FIGURES: usize = 2;
/// Room around the picture, for the frame of a node that has the focus.
const MARGIN: f64 = 4.0;

/// A model in its place.
struct Node<'a> {
    model: &'a ModelRecord,
    /// Its number among the models of the run.
    index: usize,
    x: f64,
    y: f64,
    /// Where the model lies that it was made from.
    parent: Option<(f64, f64)>,
}

/// A model that is still to be placed: its number, how far to the right, where its parent lies, and
/// whether it is the first one made from that.
type Open = (usize, f64, Option<(f64, f64)>, bool);

/// The tree, when there is more than the input model.
pub(super) fn render(footprint: &Footprint) -> String {
    let nodes = lay_out(footprint);
    if nodes.len() < 2 {
        return String::new();
    }
    let far = |of: fn(&Node<'_>) -> f64| nodes.iter().map(of).fold(0.0, f64::max);
    let (width, height) =
        (far(|node| node.x) + NODE_WIDTH + MARGIN, far(|node| node.y) + NODE_HEIGHT + MARGIN);
    let table = table(footprint);
    let figures = figures(footprint, &table);
    let way = way(footprint);
    let drawn = nodes.iter().map(|node| {
        let is_on_way = is_on(&way, node.model);
        draw(footprint, node, is_on_way, &texts(&table, node.index, &figures))
    });
    let names: Vec<String> =
        figures.iter().map(|column| escape(&table.columns[*column].title)).collect();
    let hint = if names.is_empty() {
        String::new()
    } else {
        format!("<p class=\"hint\">In the last line of a model: {}.</p>\n", names.join(" · "))
    };
    format!(
        "<section>\n<h2>Lineage</h2>\n{hint}<figure class=\"card natural\" tabindex=\"0\" \
         role=\"region\" aria-label=\"Lineage\">\n<svg width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"group\" aria-label=\"{} models, each beside the one \
         it was made from\">\n{}{}</svg>\n</figure>\n</section>\n",
        nodes.len(),
        nodes.iter().map(edge).collect::<String>(),
        drawn.collect::<String>(),
    )
}

/// Places of the models: to the right of what they were made from, the way to the result on top.
fn lay_out(footprint: &Footprint) -> Vec<Node<'_>> {
    let models = &footprint.models;
    let way = way(footprint);
    let is_on_way = |index: &usize| is_on(&way, &models[*index]);
    let find = |id: &str| models.iter().position(|model| model.model_id == id);
    let parents: Vec<Option<usize>> =
        models.iter().map(|model| model.parent_model_id.as_deref().and_then(find)).collect();
    let children = |parent: Option<usize>| {
        let is_child = |index: &usize| parents[*index] == parent;
        let mut children: Vec<usize> = (0..models.len()).filter(is_child).collect();
        children.sort_by_key(|index| !is_on_way(index));
        children
    };
    let mut nodes: Vec<Node<'_>> = Vec::new();
    let mut rows = 0.0;
    let mut open: Vec<Open> = Vec::new();
    let push = |open: &mut Vec<Open>, of: Option<usize>, x: f64, parent: Option<(f64, f64)>| {
        for (place, index) in children(of).into_iter().enumerate().rev() {
            open.push((index, x, parent, place == 0));
        }
    };
    push(&mut open, None, MARGIN, None);
    while let Some((index, x, parent, is_first)) = open.pop() {
        let y = match parent {
            Some((_, y)) if is_first => y,
            _ => {
                rows += 1.0;
                MARGIN + (rows - 1.0) * ROW
            }
        };
        nodes.push(Node { model: &models[index], index, x, y, parent });
        push(&mut open, Some(index), x + COLUMN, Some((x, y)));
    }
    nodes
}

/// Columns of the table that are shown at nodes: what ranks models, else what comes first, and the
/// size.
fn figures(footprint: &Footprint, table: &Table<'_>) -> Vec<usize> {
    let place = |title: &str| table.columns.iter().position(|column| column.title == title);
    if let Some(trials) = trials(footprint) {
        let columns = trials.columns.iter().take(FIGURES);
        return columns.filter_map(|column| place(&column.title)).collect();
    }
    let last = table.columns.len().checked_sub(1);
    let ends = [last.map(|_| 0), last.filter(|last| *last > 0)];
    ends.into_iter().flatten().collect()
}

/// Figures of the model number `index`, with their names for those who do not see the picture.
fn texts(table: &Table<'_>, index: usize, figures: &[usize]) -> Vec<(String, String)> {
    let Some(row) = table.rows.get(index) else { return Vec::new() };
    let text = |column: &usize| {
        let cell = row.cells[*column].as_ref()?;
        Some((table.columns[*column].title.clone(), cell.text.clone()))
    };
    figures.iter().filter_map(text).collect()
}

fn edge(node: &Node<'_>) -> String {
    let Some((x, y)) = node.parent else { return String::new() };
    let middle = |y: f64| y + NODE_HEIGHT / 2.0;
    let (from, to) = (x + NODE_WIDTH, node.x);
    format!(
        "<path class=\"edge\" d=\"M{from} {}H{}V{}H{to}\"/>\n",
        middle(y),
        f64::midpoint(from, to),
        middle(node.y)
    )
}

fn draw(
    footprint: &Footprint,
    node: &Node<'_>,
    is_on_way: bool,
    figures: &[(String, String)],
) -> String {
    let Node { model, x, y, .. } = node;
    let trials = trials_of(footprint, model);
    let made_for = match trials.as_slice() {
        [] => None,
        [one] => Some(format!("variant {one}")),
        [first, .., last] => Some(format!("variants {first} … {last}")),
    };
    let is_broken = model.pass_step.as_ref().is_some_and(|step| !step.status.is_done());
    let kind = || model.model.as_ref().map(|model| model.kind.to_string());
    let kind = model.from_pass.clone().or_else(kind);
    let about: Vec<String> = kind.into_iter().chain(made_for).collect();
    let values = if is_broken {
        vec!["not made".to_owned()]
    } else {
        figures.iter().map(|(_, text)| text.clone()).collect()
    };
    let named = figures.iter().map(|(name, text)| format!("{name} {text}"));
    let broken = is_broken.then(|| "not made".to_owned());
    let name: Vec<String> = std::iter::once(model.title().to_owned())
        .chain(about.clone())
        .chain(named)
        .chain(broken)
        .collect();
    let class = match (is_broken, is_on_way && footprint.is_complete()) {
        (true, _) => "node broken",
        (false, true) => "node way",
        (false, false) => "node",
    };
    let lines = [model.title().to_owned(), about.join(" · "), values.join(" · ")];
    let name = escape(&name.join(", "));
    let picture = picture(*x, *y, &lines);
    match place(footprint, node, is_on_way, &trials) {
        Some(place) => {
            format!("<a class=\"{class}\" href=\"#{place}\" aria-label=\"{name}\">{picture}</a>\n")
        }
        None => format!("<g class=\"{class}\" role=\"img\" aria-label=\"{name}\">{picture}</g>\n"),
    }
}

/// Where on the page there is more about a model.
fn place(
    footprint: &Footprint,
    node: &Node<'_>,
    is_on_way: bool,
    trials: &[usize],
) -> Option<String> {
    if is_on_way {
        return Some(format!("model-{}", node.index));
    }
    let [number] = trials else { return None };
    let trial = footprint.search.as_ref()?.trial(*number)?;
    trial.has_model().then(|| format!("trial-{number}"))
}

fn picture(x: f64, y: f64, lines: &[String; 3]) -> String {
    let mut svg = format!(
        "<rect x=\"{x}\" y=\"{y}\" width=\"{NODE_WIDTH}\" height=\"{NODE_HEIGHT}\" rx=\"8\"/>"
    );
    for (index, (text, down)) in lines.iter().zip([20.0, 37.0, 54.0]).enumerate() {
        let class = if index == 0 { " class=\"strong\"" } else { "" };
        // Writing into memory does not fail.
        let _ = write!(
            svg,
            "<text{class} x=\"{}\" y=\"{}\">{}</text>",
            x + 11.0,
            y + down,
            label(text, NODE_COLUMNS)
        );
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_trials_share_is_drawn_once_and_the_way_to_the_result_on_top() {
        let footprint = sample::searches::full();
        let nodes = lay_out(&footprint);
        assert_eq!(nodes.len(), footprint.models.len());
        let top: Vec<&str> = nodes
            .iter()
            .filter(|node| node.y <= MARGIN)
            .map(|node| node.model.model_id.as_str())
            .collect();
        let way: Vec<&str> =
            way(&footprint).into_iter().map(|model| model.model_id.as_str()).collect();
        assert_eq!(top, way);
    }

    #[test]
    fn no_two_models_lie_in_one_place() {
        for footprint in
            [sample::searches::full(), sample::searches::many(), sample::full(), sample::failed()]
        {
            let nodes = lay_out(&footprint);
            for (index, node) in nodes.iter().enumerate() {
                let is_there =
                    |other: &Node<'_>| (other.x - node.x).abs() + (other.y - node.y).abs() < 1.0;
                assert!(!nodes[..index].iter().any(is_there), "{}", node.index);
            }
        }
    }

    #[test]
    fn models_that_are_their_own_ancestors_are_left_out() {
        let mut footprint = sample::full();
        footprint.models[1].parent_model_id = Some(footprint.models[3].model_id.clone());
        assert_eq!(lay_out(&footprint).len(), 1);
    }
}
