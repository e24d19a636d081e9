//! The commands of a page: what its `sh`, `bash` and `console` blocks say to type.

use std::fs;
use std::path::{Path, PathBuf};

/// Folder of the pages.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Pages for people: at the root, in `docs` and beside examples.
pub(super) fn pages() -> Vec<String> {
    let is_page = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "md");
    let mut found = Vec::new();
    for folder in ["", "docs", "examples/phrase-tone", "examples/process-plugin"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        found.extend(entries.map(|entry| entry.unwrap().path()).filter(is_page));
    }
    let name = |path: PathBuf| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = found.into_iter().map(name).collect();
    names.sort();
    names
}

/// The text of a page.
pub(super) fn text(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// A line to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Heading that it stands below.
    pub(super) heading: String,
    /// Line of the page, from 1.
    pub(super) line: usize,
    /// What is typed, without a comment.
    pub(super) text: String,
    /// What the page shows as its output; empty when it shows nothing.
    pub(super) output: String,
}

/// All commands of a page, from top to bottom.
pub(super) fn commands(page: &str) -> Vec<Command> {
    let (mut commands, mut heading, mut language) = (Vec::<Command>::new(), "", None);
    let text = text(page);
    for (line, content) in text.lines().enumerate() {
        if let Some(fence) = content.trim_start().strip_prefix("```") {
            language = if language.is_some() { None } else { Some(fence) };
            continue;
        }
        let typed = match language {
            None => {
                heading =
                    content.strip_prefix('#').map_or(heading, |it| it.trim_matches(['#', ' ']));
                continue;
            }
            Some("sh" | "bash") => Some(content),
            Some("console") => content.strip_prefix("$ "),
            Some(_) => continue,
        };
        match typed.map(without_comment) {
            Some("") => {}
            Some(typed) => commands.push(Command {
                heading: heading.to_owned(),
                line: line + 1,
                text: typed.to_owned(),
                output: String::new(),
            }),
            None => {
                let output = &mut commands.last_mut().unwrap().output;
                output.push_str(content);
                output.push('\n');
            }
        }
    }
    commands
}

/// The block of `language` that begins after `start`.
pub(super) fn block(page: &str, start: &str, language: &str) -> String {
    let text = text(page);
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("{page}: no `{start}`"));
    let opening = format!("```{language}\n");
    let (_, block) = rest.split_once(&opening).unwrap_or_else(|| panic!("{page}: no {opening}"));
    block.split_once("\n```").unwrap().0.to_owned()
}

fn without_comment(line: &str) -> &str {
    line.split_once(" # ").map_or(line, |(typed, _)| typed).trim()
}

/// Code between backticks in the sentences of a page, and the lines of its blocks to type, with
/// their numbers.
pub(super) fn spans(text: &str) -> Vec<(usize, String)> {
    let (mut spans, mut language) = (Vec::new(), None);
    for (line, content) in (1..).zip(text.lines()) {
        if let Some(fence) = content.trim_start().strip_prefix("```") {
            language = if language.is_some() { None } else { Some(fence) };
        } else if language.is_none() {
            let code = content.split('`').skip(1).step_by(2);
            spans.extend(code.map(|code| (line, code.to_owned())));
        } else if matches!(language, Some("sh" | "bash" | "console")) {
            let typed = without_comment(content);
            spans.push((line, typed.strip_prefix("$ ").unwrap_or(typed).to_owned()));
        }
    }
    spans
}

/// Where the links of a page lead that stay in the repository: line and target.
pub(super) fn links(text: &str) -> Vec<(usize, String)> {
    let (mut links, mut is_code) = (Vec::new(), false);
    for (line, content) in (1..).zip(text.lines()) {
        is_code ^= content.trim_start().starts_with("```");
        let sentence: String = content.split('`').step_by(2).collect();
        let targets = sentence.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let inside = targets.map(|(target, _)| target).filter(|target| !target.contains("://"));
        links.extend(inside.filter(|_| !is_code).map(|target| (line, target.to_owned())));
    }
    links
}

/// What follows `#` in links to the headings of a page, as GitHub makes it of a heading.
pub(super) fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    let slug = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        heading.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect()
    };
    headings.map(slug).collect()
}
