//! The models: the way from the first to the last, and what was measured of each.

use olive_schemas::footprint::{Footprint, ModelRecord};

use super::super::figures::Verdict;
use super::super::lineage::{is_on, way};
use super::super::table::{Cell, Change, Column, Row, Table, table};
use super::escape::escape;

/// The way of the model through its passes.
pub(super) fn chain(footprint: &Footprint) -> String {
    let models = way(footprint).into_iter().map(|model| {
        let kind =
            model.from_pass.as_deref().map(|kind| format!(" <small>{}</small>", escape(kind)));
        format!("<li><bdi>{}</bdi>{}</li>", escape(model.title()), kind.unwrap_or_default())
    });
    format!("<ol class=\"chain\">{}</ol>\n", models.collect::<String>())
}

/// What the result is like, beside the input model unless it is that itself.
pub(super) fn tiles(footprint: &Footprint) -> String {
    if footprint.search.is_some() && !footprint.is_complete() {
        return String::new();
    }
    let table = table(footprint);
    let [_, .., last] = table.rows.as_slice() else { return String::new() };
    let is_of = |row: &&Row<'_>, model: &ModelRecord| row.model.model_id == model.model_id;
    let input = footprint.input().filter(|input| !is_of(&last, input));
    let input = input.and_then(|input| table.rows.iter().find(|row| is_of(row, input)));
    let tiles = table.columns.iter().enumerate().filter_map(|(index, column)| {
        let after = last.cells[index].as_ref()?;
        let before = input.and_then(|row| row.cells[index].as_ref());
        let before = before.map(|cell| {
            let change = column.unit.change(cell.figure.value, after.figure.value);
            let verdict =
                column.unit.verdict(cell.figure.value, after.figure.value, column.higher_is_better);
            format!(
                "<p>input model {} <span class=\"{}\">{}</span></p>",
                escape(&cell.text),
                class(verdict),
                escape(&change)
            )
        });
        Some(format!(
            "<div class=\"tile\"><h3>{}</h3><p class=\"value\">{}</p>{}{}</div>\n",
            escape(&column.title),
            escape(&after.text),
            after
                .interval
                .as_ref()
                .map(|told| format!("<p>{}</p>", interval(told)))
                .unwrap_or_default(),
            before.unwrap_or_default()
        ))
    });
    let tiles: String = tiles.collect();
    if tiles.is_empty() {
        return tiles;
    }
    let title = escape(last.model.title());
    let is_nearest = footprint.search.as_ref().is_some_and(|search| search.chosen.is_empty());
    let name = if is_nearest { "Nearest model" } else { "Result" };
    format!(
        "<section>\n<h2>{name} <small><bdi>{title}</bdi></small></h2>\n\
         <div class=\"tiles\">\n{tiles}</div>\n</section>\n"
    )
}

/// Every model against every metric, with the change from the model before; after a search those on
/// the way to the result, since the others stand among the trials.
pub(super) fn render(footprint: &Footprint) -> String {
    let table = table(footprint);
    if table.columns.is_empty() {
        return String::new();
    }
    let heads = table.columns.iter().map(|column| {
        let direction =
            if column.higher_is_better { "higher is better" } else { "lower is better" };
        format!("<th scope=\"col\">{}<small>{direction}</small></th>", escape(&column.title))
    });
    let last = table.rows.len() - 1;
    let has_result = footprint.output_dir.is_some();
    let way = way(footprint);
    let is_on_way = |row: &Row<'_>| is_on(&way, row.model);
    let rows = table.rows.iter().enumerate().filter(|(_, row)| is_on_way(row));
    let rows = rows.map(|(index, row)| {
        let class = if has_result && index == last { " class=\"result\"" } else { "" };
        self::row(&table, row, &format!("{class} id=\"model-{index}\""))
    });
    format!(
        "<section>\n<h2>Models</h2>\n<p class=\"hint\">Below a value: the change from the model \
         it was made from, or the nearest before that was measured.</p>\n<div class=\"card scroll\" \
         tabindex=\"0\" role=\"region\" aria-label=\"Models\"><table>\n\
         <thead><tr><th scope=\"col\">model</th>{}</tr></thead>\n<tbody>\n{}</tbody></table></div>\n\
         </section>\n",
        heads.collect::<String>(),
        rows.collect::<String>()
    )
}

fn row(table: &Table<'_>, row: &Row<'_>, attributes: &str) -> String {
    let cells = row.cells.iter().zip(&table.columns).enumerate().map(|(index, (cell, column))| {
        let values = table.rows.iter().filter_map(|row| row.cells[index].as_ref());
        let largest = values.map(|cell| cell.figure.value).fold(0.0, f64::max);
        match cell {
            Some(cell) => self::cell(cell, column, largest),
            None => "<td class=\"none\">–</td>".into(),
        }
    });
    let path = row.model.model.as_ref().map(|model| model.model_path.display().to_string());
    let kind = match (&row.model.from_pass, &row.model.model) {
        (Some(kind), Some(model)) => format!("{kind} → {}", model.kind),
        (Some(kind), None) => kind.clone(),
        (None, Some(model)) => model.kind.to_string(),
        (None, None) => String::new(),
    };
    format!(
        "<tr{attributes}><th scope=\"row\" title=\"{}\"><bdi>{}</bdi><small>{}</small></th>{}</tr>\n",
        escape(&path.unwrap_or_default()),
        escape(row.model.title()),
        escape(&kind),
        cells.collect::<String>()
    )
}

fn cell(cell: &Cell<'_>, column: &Column, largest: f64) -> String {
    let share = if largest > 0.0 { (cell.figure.value / largest).clamp(0.0, 1.0) } else { 0.0 };
    let bar = if share.is_finite() { share * 100.0 } else { 0.0 };
    let change = cell.change.as_ref().map(|change| self::change(change, column));
    format!(
        "<td><span class=\"value\">{}</span>{}<span class=\"bar\">\
         <i style=\"width:{bar:.1}%\"></i></span>{}</td>",
        escape(&cell.text),
        cell.interval.as_deref().map(interval).unwrap_or_default(),
        change.unwrap_or_default()
    )
}

/// The interval of 95 % confidence, small.
pub(super) fn interval(told: &str) -> String {
    format!("<small class=\"interval\" title=\"95 % confidence\">{}</small>", escape(told))
}

fn change(change: &Change<'_>, column: &Column) -> String {
    let word = match change.verdict {
        Verdict::Better => " better",
        Verdict::Same => "",
        Verdict::Worse => " worse",
    };
    let about = format!("{} against {}", column.title, change.from);
    format!(
        "<span class=\"change {}\" title=\"{}\">{}{word}</span>",
        class(change.verdict),
        escape(&about),
        escape(&change.text)
    )
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Same => "same",
        Verdict::Worse => "worse",
    }
}

#[cfg(test)]
mod tests {
    use super::tiles;
    use crate::report::sample;

    #[test]
    fn the_result_stands_beside_the_input_model_wherever_that_is_in_the_record() {
        let search = sample::searches::full();
        let told = "<p>input model 514.0 MiB ";
        assert!(tiles(&search).contains(told), "{}", tiles(&search));
        let mut others_first = search.clone();
        others_first.models.swap(0, 1);
        assert_eq!(tiles(&others_first), tiles(&search));
        let mut input_last = search;
        input_last.models.rotate_left(1);
        let tiles = tiles(&input_last);
        assert!(tiles.contains("<p class=\"value\">514.0 MiB</p>"), "{tiles}");
        assert!(!tiles.contains("<p>input model"), "{tiles}");
    }
}
