//! A preview of data as text: figures, rows with their tokens, and pictures of blocks.
//!
//! In a block, what the model sees but does not learn is dimmed on a terminal, and stands between
//! `⟨` and `⟩` wherever colors do not show.

use olive_schemas::preview::{
    BlockPiece, BlockPreview, DataPreview, PieceKind, RowPreview, TokenPreview,
};

use crate::plan::DataUse;
use crate::render::{Style, char_width, paint, plain, width};
use crate::report::figures::{share, thousands};

/// Tokens of a row that are written out.
const TOKENS: usize = 24;
/// Lines of a block and of a row's text that are written out.
const LINES: usize = 16;
/// Columns before what is told.
const INDENT: usize = 10;
/// Narrowest column of text.
const NARROWEST: usize = 20;

/// How a page is to look.
pub(super) struct Look {
    /// Columns of a line.
    pub(super) columns: usize,
    /// Whether it may be colored.
    pub(super) color: bool,
}

/// What the model sees of the data `used`.
pub(super) fn page(used: &DataUse, seen: &DataPreview, look: &Look) -> String {
    let name = paint(&format!("data `{}`", plain(&used.data.name)), Style::Strong, look.color);
    let readers = if used.readers.is_empty() {
        "no pass reads it".to_owned()
    } else {
        plain(&used.readers.join(", "))
    };
    let mut text = format!("{name}: {readers}\n");
    for (title, told) in figures(used, seen) {
        text.push_str(&entry(title, &plain(&told)));
    }
    for (index, row) in seen.rows.iter().enumerate() {
        text.push('\n');
        text.push_str(&row_entry(index + 1, row, look));
    }
    for (index, block) in seen.blocks.iter().enumerate() {
        text.push('\n');
        text.push_str(&block_entry(index + 1, block, look));
    }
    text + "\n"
}

fn figures(used: &DataUse, seen: &DataPreview) -> Vec<(&'static str, String)> {
    let files: Vec<String> = seen.files.iter().map(|file| file.display().to_string()).collect();
    let part = |count: usize, of: usize| share(count as f64 / of.max(1) as f64);
    let sizes = if seen.shortest_block == seen.longest_block {
        format!("of {}", tokens(seen.longest_block))
    } else {
        format!("of {} to {}", thousands(seen.shortest_block as f64), tokens(seen.longest_block))
    };
    let mut figures = vec![
        ("files", files.join(", ")),
        ("rows", format!("{}, {} of them without text", rows(seen.num_rows), seen.num_empty_rows)),
        (
            "tokens",
            format!(
                "{}, {} of them in no block ({})",
                tokens(seen.num_tokens),
                thousands(seen.num_dropped_tokens as f64),
                part(seen.num_dropped_tokens, seen.num_tokens)
            ),
        ),
        (
            "blocks",
            format!(
                "{} {sizes}, at most {}, by `{}`",
                thousands(seen.num_blocks as f64),
                thousands(seen.max_seq_len as f64),
                seen.strategy
            ),
        ),
        (
            "padding",
            format!("{} of block tokens", part(seen.num_padding_tokens, seen.num_block_tokens)),
        ),
        ("masked", format!("{} of labels", part(seen.num_masked_labels, seen.num_block_tokens))),
    ];
    if let Some(sizes) = seen.split {
        let settings = used
            .split
            .map(|split| format!(" (evaluation size {}, seed {})", split.eval_size, split.seed));
        let settings = settings.unwrap_or_default();
        let told =
            format!("{} blocks to train on, {} to evaluate{settings}", sizes.train, sizes.eval);
        figures.push(("split", told));
    }
    figures
}

fn row_entry(number: usize, row: &RowPreview, look: &Look) -> String {
    let text = [Run { text: &row.text, style: None }];
    let mut entry = lines(&format!("row {number}"), &text, look);
    let shown = row.tokens.iter().take(TOKENS).map(|token| {
        let TokenPreview { id, text } = token;
        format!("{} {id}", quoted(text))
    });
    let mut told: Vec<String> = shown.collect();
    match told.first_mut() {
        Some(first) => *first = format!("{}: {first}", tokens(row.tokens.len())),
        None => told.push(tokens(0)),
    }
    if let Some(more) = row.tokens.len().checked_sub(TOKENS).filter(|more| *more > 0) {
        told.push(format!("… {} more", thousands(more as f64)));
    }
    for line in filled(told, look) {
        let line = [Run { text: &line, style: Some(Style::Faint) }];
        entry.push_str(&lines("", &line, look));
    }
    entry
}

/// `parts` in lines that are as full as they can be without breaking a part.
fn filled(parts: Vec<String>, look: &Look) -> Vec<String> {
    let mut filled: Vec<String> = Vec::new();
    for part in parts {
        match filled.last_mut() {
            Some(line) if width(line) + 2 + width(&part) <= columns(look) => {
                line.extend(["  ", &part]);
            }
            _ => filled.push(part),
        }
    }
    filled
}

/// Columns for what is told.
fn columns(look: &Look) -> usize {
    look.columns.saturating_sub(INDENT + 1).max(NARROWEST)
}

fn block_entry(number: usize, block: &BlockPreview, look: &Look) -> String {
    let title = format!(
        "block {number}: {}, {} of them masked",
        tokens(block.num_tokens),
        thousands(block.num_masked_labels as f64)
    );
    let mut marked = Vec::new();
    let mut sample = block.pieces.first().and_then(|piece| piece.sample);
    for piece in &block.pieces {
        if piece.sample != sample && piece.kind != PieceKind::Padding {
            sample = piece.sample;
            marked.push(("┊".to_owned(), Some(Style::Frame)));
        }
        marked.push(piece_of(piece));
    }
    let runs: Vec<Run<'_>> =
        marked.iter().map(|(text, style)| Run { text, style: *style }).collect();
    format!("  {title}\n{}", lines("", &runs, look))
}

/// A piece of a block with its marks.
fn piece_of(piece: &BlockPiece) -> (String, Option<Style>) {
    match piece.kind {
        PieceKind::Trained => (piece.text.clone(), None),
        PieceKind::Masked => (format!("⟨{}⟩", piece.text), Some(Style::Faint)),
        PieceKind::Padding => {
            (format!("⟨padding × {}⟩", thousands(piece.num_tokens as f64)), Some(Style::Faint))
        }
    }
}

/// Text in one style.
struct Run<'a> {
    text: &'a str,
    style: Option<Style>,
}

/// `runs` one after the other, in lines that fit, the first after `title`.
fn lines(title: &str, runs: &[Run<'_>], look: &Look) -> String {
    let columns = columns(look);
    let mut lines = vec![String::new()];
    let mut used = 0;
    let mut left_out = 0;
    for run in runs {
        let mut piece = String::new();
        for letter in shown(run.text) {
            if lines.len() > LINES {
                left_out += 1;
                continue;
            }
            if used + char_width(letter) > columns {
                flush(&mut piece, run, look, &mut lines);
                lines.push(String::new());
                used = 0;
                if lines.len() > LINES {
                    left_out += 1;
                    continue;
                }
            }
            piece.push(letter);
            used += char_width(letter);
            if letter == '↵' {
                flush(&mut piece, run, look, &mut lines);
                lines.push(String::new());
                used = 0;
            }
        }
        flush(&mut piece, run, look, &mut lines);
    }
    lines.truncate(LINES);
    if left_out > 0 {
        lines.push(paint(
            &format!("… {} more letters", thousands(f64::from(left_out))),
            Style::Faint,
            look.color,
        ));
    }
    while lines.len() > 1 && lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    let mut text = entry(title, &lines[0]);
    for line in &lines[1..] {
        text.push_str(&entry("", line));
    }
    text
}

fn flush(piece: &mut String, run: &Run<'_>, look: &Look, lines: &mut [String]) {
    let text = std::mem::take(piece);
    if let Some(line) = lines.last_mut().filter(|_| !text.is_empty()) {
        match run.style {
            Some(style) => line.push_str(&paint(&text, style, look.color)),
            None => line.push_str(&text),
        }
    }
}

/// The letters of a text, its line breaks as a sign.
fn shown(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(|letter| match letter {
        '\n' => '↵',
        '\t' => '→',
        letter => plain(letter.encode_utf8(&mut [0; 4])).chars().next().unwrap_or(' '),
    })
}

/// A token's text between quotes, in one line.
fn quoted(text: &str) -> String {
    format!("\"{}\"", shown(text).collect::<String>().replace('↵', "\\n"))
}

/// A line of the page: what it is, and what is told.
fn entry(title: &str, told: &str) -> String {
    let padding = " ".repeat(INDENT.saturating_sub(2 + width(title)));
    format!("  {title}{padding}{told}").trim_end().to_owned() + "\n"
}

fn tokens(count: usize) -> String {
    counted(count, "token")
}

fn rows(count: usize) -> String {
    counted(count, "row")
}

fn counted(count: usize, word: &str) -> String {
    format!("{} {word}{}", thousands(count as f64), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use olive_schemas::preview::{PreviewSplit, SplitSizes};
    use serde_json::json;

    use super::*;

    fn used() -> DataUse {
        let data = json!({
            "name": "tone",
            "load_dataset_config": {"data_name": "json", "data_files": "tone.json"}
        });
        DataUse {
            index: 0,
            data: serde_json::from_value(data).unwrap(),
            readers: vec!["train_data_config of tune (Tune)".into()],
            split: Some(PreviewSplit { eval_size: 0.5, seed: 42 }),
        }
    }

    fn seen() -> DataPreview {
        let piece = |kind, sample, num_tokens, text: &str| BlockPiece {
            kind,
            sample: Some(sample),
            num_tokens,
            text: text.into(),
        };
        let token = |id, text: &str| TokenPreview { id, text: text.into() };
        DataPreview {
            files: vec![PathBuf::from("/data/tone.json")],
            strategy: "join".into(),
            max_seq_len: 8,
            num_rows: 3,
            num_empty_rows: 1,
            num_tokens: 1250,
            num_dropped_tokens: 5,
            num_blocks: 2,
            shortest_block: 7,
            longest_block: 8,
            num_block_tokens: 15,
            num_padding_tokens: 3,
            num_masked_labels: 6,
            split: Some(SplitSizes { train: 1, eval: 1 }),
            rows: vec![RowPreview {
                text: "hi\nyou".into(),
                tokens: vec![token(7, "hi"), token(8, "\n"), token(9, "you")],
            }],
            blocks: vec![BlockPreview {
                num_tokens: 8,
                num_masked_labels: 5,
                pieces: vec![
                    piece(PieceKind::Masked, 0, 2, "say:"),
                    piece(PieceKind::Trained, 0, 1, " hi"),
                    piece(PieceKind::Trained, 1, 2, "you"),
                    piece(PieceKind::Padding, 2, 3, "<pad><pad><pad>"),
                ],
            }],
        }
    }

    #[test]
    fn a_page_tells_figures_rows_and_blocks() {
        assert_eq!(
            page(&used(), &seen(), &Look { columns: 80, color: false }),
            "\
data `tone`: train_data_config of tune (Tune)
  files   /data/tone.json
  rows    3 rows, 1 of them without text
  tokens  1,250 tokens, 5 of them in no block (0.4 %)
  blocks  2 of 7 to 8 tokens, at most 8, by `join`
  padding 20.0 % of block tokens
  masked  40.0 % of labels
  split   1 blocks to train on, 1 to evaluate (evaluation size 0.5, seed 42)

  row 1   hi↵
          you
          3 tokens: \"hi\" 7  \"\\n\" 8  \"you\" 9

  block 1: 8 tokens, 5 of them masked
          ⟨say:⟩ hi┊you⟨padding × 3⟩

"
        );
    }

    #[test]
    fn what_is_not_learned_is_dimmed() {
        let text = page(&used(), &seen(), &Look { columns: 80, color: true });
        assert!(text.contains("\u{1b}[2m⟨say:⟩\u{1b}[0m hi"), "{text}");
    }

    #[test]
    fn long_texts_are_wrapped_and_cut() {
        let long = "x".repeat(5000);
        let runs = [Run { text: &long, style: None }];
        let text = lines("row 1", &runs, &Look { columns: 60, color: false });
        assert!(text.lines().all(|line| width(line) < 60), "{text}");
        assert_eq!(text.lines().count(), LINES + 1);
        assert!(text.ends_with("… 4,216 more letters\n"), "{text}");
    }

    #[test]
    fn a_token_stays_in_one_line() {
        let token = |id| TokenPreview { id, text: " longer".into() };
        let row = RowPreview { text: String::new(), tokens: (0..30).map(token).collect() };
        let text = row_entry(1, &row, &Look { columns: 60, color: false });
        assert!(text.lines().all(|line| width(line) < 60), "{text}");
        assert!(
            text.contains("30 tokens: \" longer\" 0  \" longer\" 1  \" longer\" 2\n"),
            "{text}"
        );
        assert!(text.ends_with(" longer\" 23\n          … 6 more\n"), "{text}");
    }

    #[test]
    fn texts_do_not_steer_the_terminal() {
        let mut seen = seen();
        seen.rows[0].text = "a\u{1b}[2Jb".into();
        let text = page(&used(), &seen, &Look { columns: 80, color: false });
        assert!(!text.contains('\u{1b}') && text.contains("a\u{fffd}[2Jb"), "{text}");
    }
}
