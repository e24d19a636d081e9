//! Rows of a name and what is known of it, in the columns of a terminal.

use crate::render::{char_width, plain, width};

/// Narrowest column of names.
const NARROWEST: usize = 24;

/// `rows` below each other in `columns`, each side cut in its middle where both do not fit.
pub(super) fn table(rows: &[(String, String)], columns: usize) -> String {
    let rows: Vec<_> = rows.iter().map(|(name, told)| (plain(name), plain(told))).collect();
    let widest =
        |sides: &mut dyn Iterator<Item = &String>| sides.map(|side| width(side)).max().unwrap_or(0);
    let told = widest(&mut rows.iter().map(|(_, told)| told));
    let room = columns.saturating_sub(told + 4).max(NARROWEST);
    let names = widest(&mut rows.iter().map(|(name, _)| name)).min(room);
    let room = columns.saturating_sub(names + 4).max(NARROWEST);
    rows.iter()
        .map(|(name, told)| {
            let (name, told) = (cut(name, names), cut(told, room));
            let space = " ".repeat(names.saturating_sub(width(&name)));
            format!("  {name}{space}  {told}").trim_end().to_owned() + "\n"
        })
        .collect()
}

/// `parts` behind each other with commas, in lines of `columns` after `indent` spaces.
pub(super) fn filled(first: &str, parts: &[String], indent: usize, columns: usize) -> String {
    let space = " ".repeat(indent);
    let mut lines = vec![format!("{space}{first}")];
    let mut is_begun = false;
    for (index, part) in parts.iter().enumerate() {
        let comma = if index + 1 < parts.len() { "," } else { "" };
        let part = format!("{}{comma}", plain(part));
        let line =
            lines.last_mut().filter(|line| !is_begun || width(line) + 1 + width(&part) <= columns);
        match line {
            Some(line) => *line = format!("{line} {part}"),
            None => lines.push(format!("{}{part}", " ".repeat(indent + width(first) + 1))),
        }
        is_begun = true;
    }
    lines.join("\n") + "\n"
}

/// `text` in at most `room` columns, without its middle if need be.
fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let half = room.saturating_sub(1) / 2;
    let start = within(text.chars(), room.saturating_sub(1) - half);
    let end: String = within(text.chars().rev(), half).chars().rev().collect();
    format!("{start}…{end}")
}

fn within(letters: impl Iterator<Item = char>, room: usize) -> String {
    let mut used = 0;
    letters
        .take_while(|&letter| {
            used += char_width(letter);
            used <= room
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_where_they_do_not_fit() {
        let row = |name: &str, told: &str| (name.to_owned(), told.to_owned());
        let rows = [row("model.layers.0.self_attn.q_proj.weight", "FLOAT"), row("x", "INT64")];
        let space = " ".repeat(28);
        let expected = format!("  model.layers.…q_proj.weight  FLOAT\n  x{space}INT64\n");
        assert_eq!(table(&rows, 36), expected);
        assert_eq!(table(&rows[1..], 36), "  x  INT64\n");
    }

    #[test]
    fn parts_fill_lines() {
        let parts = ["one", "two", "three"].map(str::to_owned);
        assert_eq!(filled("←", &parts, 2, 12), "  ← one,\n    two,\n    three\n");
        assert_eq!(filled("←", &parts, 2, 80), "  ← one, two, three\n");
    }
}
