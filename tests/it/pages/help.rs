//! The command line as the program tells it, against what pages tell of it.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::process::{Command, Stdio};

use super::blocks::{pages, root, spans, text};
use crate::playground::{Playground, Said, built};

/// Words that pages put where a command is yet to be chosen, and a command that no help names.
const UNLISTED: [&str; 3] = ["COMMAND", "…", "worker"];

/// First words of commands that plugins announce, which no help without them names.
const OF_PLUGINS: [&str; 2] = ["aml", "manage-aml-compute"];

/// Where the part of docs/commands.md begins that the program has written.
const MARK: &str = "<!-- What follows is `-h` of every command: BLESS=1 writes it anew. -->\n";

/// The help of every command of a program, by the command's words: `plugin trust add`.
struct Help(BTreeMap<String, String>);

impl Help {
    /// Asks `program`, and so all commands that it names.
    fn ask(program: &dyn Fn(&[&str]) -> String) -> Self {
        let (mut help, mut open) = (BTreeMap::new(), vec![String::new()]);
        while let Some(command) = open.pop() {
            let words: Vec<&str> = command.split_whitespace().chain(["-h"]).collect();
            let told = program(&words);
            let list = told.split_once("\nCommands:\n").map_or("", |(_, rest)| rest);
            let list = list.lines().take_while(|line| !line.is_empty());
            // A name stands two spaces from the edge, a description that goes on further.
            let names = list.filter_map(|line| line.strip_prefix("  "));
            let names = names.filter_map(|line| line.split(' ').next());
            let names = names.filter(|name| !name.is_empty() && *name != "help");
            open.extend(names.map(|name| format!("{command} {name}").trim().to_owned()));
            help.insert(command, told);
        }
        Self(help)
    }

    fn of_olive() -> Self {
        let playground = Playground::bare();
        Self::ask(&|words| {
            let mut command = playground.command(words);
            let said = Said::from(command.env_remove("COLUMNS").output().unwrap());
            said.check(0, &["Usage: "]);
            said.out
        })
    }

    fn of_xtask() -> Self {
        Self::ask(&|words| {
            let mut command = Command::new(built("xtask"));
            let said = Said::from(command.args(words).stdin(Stdio::null()).output().unwrap());
            said.check(0, &["Usage: "]);
            said.out
        })
    }

    /// What is wrong with a line that begins behind the program's name; `None` when nothing is.
    fn problem(&self, line: &str) -> Option<String> {
        let mut command = String::new();
        if line.split_whitespace().next().is_some_and(|word| OF_PLUGINS.contains(&word)) {
            return None;
        }
        for word in line.split_whitespace() {
            let longer = format!("{command} {word}").trim().to_owned();
            let has_commands = self.0[&command].contains("\nCommands:\n");
            if self.0.contains_key(&longer) {
                command = longer;
            } else if let Some(option) = word.strip_prefix('-') {
                let option =
                    option.trim_start_matches('-').split(['=', '[', ']', '…', ',']).next()?;
                let is_told = ["--", "-"]
                    .iter()
                    .any(|dashes| self.tells(&command, &format!("{dashes}{option}")));
                if !option.is_empty() && !is_told {
                    return Some(format!("`{command}` has no option `{word}`"));
                }
            } else if has_commands && !UNLISTED.contains(&word) {
                return Some(format!("`{command}` has no command `{word}`"));
            }
        }
        None
    }

    fn tells(&self, command: &str, option: &str) -> bool {
        let mut words = self.0[command].split(|c: char| c.is_whitespace() || "[]=,<>`".contains(c));
        words.any(|word| word == option)
    }

    /// The page of all commands below the mark.
    fn page(&self) -> String {
        let mut page = String::new();
        for (command, told) in &self.0 {
            let title = format!("olive {command}");
            let told = told.trim_end();
            write!(page, "\n## {}\n\n```text\n{told}\n```\n", title.trim()).unwrap();
        }
        page
    }
}

#[test]
fn the_page_of_commands_is_what_the_program_says() {
    let path = root().join("docs/commands.md");
    let page = fs::read_to_string(&path).unwrap();
    let (head, told) = page.split_once(MARK).expect("the mark of docs/commands.md");
    let fresh = Help::of_olive().page();
    if env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{head}{MARK}{fresh}")).unwrap();
    } else {
        assert!(told == fresh, "docs/commands.md is stale: `BLESS=1` writes it anew");
    }
}

#[test]
fn every_command_is_told_of_besides_its_help() {
    let told = pages().into_iter().filter(|page| page != "docs/commands.md");
    let told: Vec<String> = told.flat_map(|page| spans(&text(&page))).map(|it| it.1).collect();
    let is_told = |command: &str| {
        let whole = format!("olive {command}");
        // A row may name several: `olive plugin info`, `verify`.
        told.iter().any(|span| span.starts_with(&whole) || command.ends_with(&format!(" {span}")))
    };
    let help = Help::of_olive();
    let commands = help.0.iter().filter(|(_, told)| !told.contains("\nCommands:\n"));
    let untold: Vec<&String> = commands.map(|(name, _)| name).filter(|it| !is_told(it)).collect();
    assert!(untold.is_empty(), "no page tells of {untold:?}");
}

#[test]
fn commands_and_options_that_pages_name_exist() {
    let programs = [("olive ", Help::of_olive()), ("cargo xtask ", Help::of_xtask())];
    let (mut wrong, mut num_named) = (Vec::new(), 0);
    for page in pages() {
        for (line, span) in spans(&text(&page)) {
            for (name, help) in &programs {
                let Some(rest) = span.strip_prefix(name) else { continue };
                num_named += 1;
                wrong.extend(help.problem(rest).map(|problem| format!("{page}:{line}: {problem}")));
            }
        }
    }
    assert!(num_named > 100, "{num_named}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
