//! Reading the command line.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

use super::Cli;
use super::shortcuts::foreign;

/// The command line of this process; ends it when it makes no sense, or asks for help.
pub fn parse() -> Cli {
    let command = command();
    let words: Vec<OsString> = std::env::args_os().collect();
    let texts: Option<Vec<String>> =
        words.iter().map(|word| word.to_str().map(str::to_owned)).collect();
    let words = match texts.map(|texts| foreign::readable(texts, &command)) {
        Some(Ok(texts)) => texts.into_iter().map(OsString::from).collect(),
        Some(Err(error)) => error.exit(),
        None => words,
    };
    let matches = command.try_get_matches_from(words);
    let read = matches.and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches));
    read.unwrap_or_else(|error| error.exit())
}

/// The program's commands; those with options of Olive take them with dashes for underscores too.
pub fn command() -> clap::Command {
    foreign::COMMANDS.iter().fold(Cli::command(), |cli, name| {
        cli.mut_subcommand(name, |command| {
            command.mut_args(|argument| match argument.get_long() {
                Some(long) if long.contains('_') => {
                    let dashed: &'static str = long.replace('_', "-").leak();
                    argument.alias(dashed)
                }
                Some(long) if long.contains('-') => {
                    let underscored: &'static str = long.replace('-', "_").leak();
                    argument.alias(underscored)
                }
                _ => argument,
            })
        })
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
