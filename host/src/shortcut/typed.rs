//! The command line as a text, in which arguments have places.

use std::ops::Range;

use clap::{Arg, Command};

use super::Origin;
use crate::config::Source;

/// What stands for the name of a file where the place is in the command line.
const PATH: &str = "command line";

/// The command line of a shortcut.
#[derive(Debug, Clone)]
pub struct Typed {
    source: Source,
    words: Vec<Word>,
    /// The subcommand, whose options have several spellings.
    command: Option<Command>,
    /// The word that names it.
    name: usize,
}

#[derive(Debug, Clone)]
struct Word {
    text: String,
    range: Range<usize>,
}

impl Typed {
    /// The command line of `words`, the first of which is the name of the program `cli`.
    pub fn of(words: &[String], cli: &Command) -> Self {
        let (mut text, mut placed) = (String::new(), Vec::new());
        let program = cli.get_name().to_owned();
        for word in std::iter::once(&program).chain(words.iter().skip(1)) {
            if !text.is_empty() {
                text.push(' ');
            }
            let start = text.len();
            text.push_str(&quoted(word));
            placed.push(Word { text: word.clone(), range: start..text.len() });
        }
        let named = |word: &Word| cli.find_subcommand(&word.text).cloned();
        let found = placed
            .iter()
            .enumerate()
            .skip(1)
            .find_map(|(index, word)| named(word).map(|command| (index, command)));
        let (name, command) = found.map_or((0, None), |(index, command)| (index, Some(command)));
        Self { source: Source { path: PATH.into(), text }, words: placed, command, name }
    }

    /// The text, as that of a file.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The name of the command.
    pub fn name(&self) -> Range<usize> {
        self.words.get(self.name).map_or(0..0, |word| word.range.clone())
    }

    /// Where `origin` stands; none when it was not typed.
    pub fn place(&self, origin: &Origin) -> Option<Range<usize>> {
        match origin {
            Origin::Word(text) => {
                let word = self.words.iter().skip(1).find(|word| word.text == *text)?;
                Some(word.range.clone())
            }
            Origin::Option(name, nth) => self.option(name, *nth),
        }
    }

    /// The value of an option, or the option where it has none of its own; both of a training
    /// argument.
    fn option(&self, name: &str, nth: usize) -> Option<Range<usize>> {
        let arguments = self.command.iter().flat_map(Command::get_arguments);
        let known = arguments.into_iter().find(|argument| argument.get_long() == Some(name));
        let takes_value = known.is_none_or(|known| known.get_action().takes_values());
        let is_option = |word: &Word| is_spelling(&word.text, name, known);
        let mut found = self.words.iter().enumerate().filter(|(_, word)| is_option(word));
        let (index, word) = found.nth(nth)?;
        let is_whole = !takes_value || word.text.contains('=') || is_joined(&word.text);
        let value = self.words.get(index + 1).filter(|_| !is_whole);
        let end = value.unwrap_or(word).range.clone();
        // The name of an option that is not one's own may be what is wrong.
        Some(if known.is_some() { end } else { word.range.start..end.end })
    }
}

/// Whether `word` is the option `name`: by its long name, an alias, or its letter.
fn is_spelling(word: &str, name: &str, known: Option<&Arg>) -> bool {
    if let Some(long) = word.strip_prefix("--") {
        let long = long.split('=').next().unwrap_or_default();
        let aliases = known.and_then(Arg::get_all_aliases).unwrap_or_default();
        return long == name || aliases.contains(&long);
    }
    let letter = word.strip_prefix('-').and_then(|rest| rest.chars().next());
    letter.is_some() && letter == known.and_then(Arg::get_short)
}

/// Whether `word` is a letter with its value: `-mmodel`.
fn is_joined(word: &str) -> bool {
    !word.starts_with("--") && word.chars().count() > 2
}

/// `word` as a shell takes it, on one line.
fn quoted(word: &str) -> String {
    let is_safe = |letter: char| letter.is_alphanumeric() || "-_./=,:+@%".contains(letter);
    if !word.is_empty() && word.chars().all(is_safe) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction, Command};

    use super::{Origin, Typed};

    fn cli() -> Command {
        let model = Arg::new("m").short('m').long("model_name_or_path").alias("model");
        let dry_run = Arg::new("d").long("dry-run").action(ArgAction::SetTrue);
        let options = [model, dry_run, Arg::new("p").long("precision"), Arg::new("g").long("goal")];
        let commands = ["quantize", "optimize", "convert"];
        let command = |name| Command::new(name).args(options.clone());
        Command::new("olive").subcommands(commands.map(command))
    }

    #[track_caller]
    fn check(words: &[&str], origin: &Origin, expected: Option<&str>) {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let typed = Typed::of(&words, &cli());
        let found = typed.place(origin).map(|range| &typed.source().text[range]);
        assert_eq!(found, expected, "{words:?}");
    }

    #[test]
    fn options_are_found_in_every_spelling() {
        let option = |name: &str| Origin::Option(name.into(), 0);
        let line = ["olive", "quantize", "-m", "my model", "--precision=int4", "--dry-run"];
        check(&line, &option("model_name_or_path"), Some("'my model'"));
        check(&line, &option("precision"), Some("--precision=int4"));
        check(&line, &option("dry-run"), Some("--dry-run"));
        check(&line, &option("algorithm"), None);
        check(&["olive", "quantize", "-mx"], &option("model_name_or_path"), Some("-mx"));
        check(&["olive", "quantize", "--model", "x"], &option("model_name_or_path"), Some("x"));
    }

    #[test]
    fn of_several_the_nth_is_meant_and_words_are_found_by_themselves() {
        let line = ["olive", "optimize", "--goal", "a", "--goal", "b", "bits=4"];
        check(&line, &Origin::Option("goal".into(), 1), Some("b"));
        check(&line, &Origin::Word("bits=4".into()), Some("bits=4"));
    }

    #[test]
    fn the_command_has_a_place() {
        let words = ["olive", "--memory", "8GB", "convert"].map(str::to_owned);
        let typed = Typed::of(&words, &cli());
        assert_eq!(&typed.source().text[typed.name()], "convert");
    }
}
