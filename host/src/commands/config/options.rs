//! `olive config list-options`.

use std::path::Path as FilePath;

use serde_json::{Value, json};

use super::open;
use crate::cli::config::ListOptionsArgs;
use crate::commands::{host_of, say};
use crate::config::schema::plain;
use crate::edit::options::{Options, Setting, Shape, of_pass, of_place};
use crate::edit::{Language, Path};
use crate::error::Error;
use crate::render::width;

/// Columns that a cell may take before the next ones give way.
const CELL_COLUMNS: usize = 32;

pub(super) fn run(args: &ListOptionsArgs) -> Result<(), Error> {
    let host = host_of(&args.common, &args.target)?;
    let language = Language::new(&host.catalog);
    let path = args.path.as_deref().map(Path::parse).transpose()?.unwrap_or_default();
    let is_file = is_file(&args.target);
    let options = if is_file {
        let (_, tree) = open(&args.target)?;
        of_place(&tree, &language, &path)?
    } else {
        of_pass(&language, &args.target.to_string_lossy(), &path)?
    };
    let place = if is_file { path.to_string() } else { args.target.display().to_string() };
    say(&if host.is_json { json(&options) } else { text(&place, &options) });
    Ok(())
}

/// Whether a file is meant: there is one, or the name has a folder or a suffix of configs.
fn is_file(target: &FilePath) -> bool {
    let suffix = target.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
    let is_config = ["json", "jsonc", "yaml", "yml", "md"].contains(&suffix);
    is_config || target.components().count() > 1 || target.exists()
}

fn text(place: &str, options: &Options) -> String {
    let head = match options.shape {
        Shape::Object | Shape::Value => String::new(),
        Shape::Map => format!("`{place}` holds any names, each with:\n"),
        Shape::List => format!("`{place}` is a list; each item has:\n"),
    };
    let types = match options.types.as_slice() {
        [] => String::new(),
        types => {
            let rows = types.iter().map(|(name, summary)| vec![name.clone(), summary.clone()]);
            format!("\ntypes:\n{}", table(&rows.collect::<Vec<_>>()))
        }
    };
    if let (Shape::Value, [setting]) = (options.shape, options.settings.as_slice()) {
        return single(setting);
    }
    let mut rows =
        vec![["key", "type", "default", "now", "what it is"].map(str::to_owned).to_vec()];
    rows.extend(options.settings.iter().map(|setting| row(setting, !options.types.is_empty())));
    let has_values = options.settings.iter().any(|setting| setting.now.is_some());
    if !has_values {
        for row in &mut rows {
            row.remove(3);
        }
    }
    format!("{head}{}{types}", table(&rows))
}

fn row(setting: &Setting, has_types: bool) -> Vec<String> {
    let is_type = setting.key == "type" && has_types;
    let kind = if is_type { "one of the types below".to_owned() } else { setting.kind.clone() };
    let default = match &setting.default {
        _ if setting.is_required => "required".to_owned(),
        Some(value) => value.to_string(),
        None => "null".to_owned(),
    };
    let now = setting.now.as_ref().map(Value::to_string).unwrap_or_default();
    let cells = [kind, default, now].map(|cell| brief(&cell));
    std::iter::once(setting.key.clone()).chain(cells).chain([setting.summary()]).collect()
}

/// Everything about one setting.
fn single(setting: &Setting) -> String {
    let mut lines = vec![format!("{}: {}", setting.key, setting.kind)];
    lines.extend(setting.default.as_ref().map(|default| format!("default: {default}")));
    lines.extend(setting.now.as_ref().map(|now| format!("now: {now}")));
    lines.push(setting.description.clone());
    lines.join("\n") + "\n"
}

/// Rows with their columns below each other; the last column is as wide as it likes.
fn table(rows: &[Vec<String>]) -> String {
    let num_columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..num_columns.saturating_sub(1))
        .map(|column| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let padded = row.iter().zip(&widths).map(|(cell, width_of_column)| {
            format!("{cell}{}  ", " ".repeat(width_of_column - width(cell)))
        });
        let line = padded.collect::<String>() + row.last().map_or("", String::as_str);
        line.trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn brief(cell: &str) -> String {
    if cell.chars().count() <= CELL_COLUMNS {
        return cell.to_owned();
    }
    format!("{}…", cell.chars().take(CELL_COLUMNS - 1).collect::<String>())
}

fn json(options: &Options) -> String {
    let settings = options.settings.iter().map(|setting| {
        json!({
            "key": setting.key,
            "type": setting.kind,
            "values": setting.values.iter().map(plain).collect::<Vec<_>>(),
            "default": setting.default,
            "required": setting.is_required,
            "description": setting.description,
            "now": setting.now,
        })
    });
    let types =
        options.types.iter().map(|(name, summary)| json!({"type": name, "summary": summary}));
    let lines: Vec<String> = settings.chain(types).map(|line| line.to_string()).collect();
    lines.join("\n") + "\n"
}
