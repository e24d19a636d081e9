//! Reading the command line.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use super::Cli;
use super::shortcuts::foreign;

/// A command line with a subcommand that the program itself does not have.
pub struct Unknown {
    /// Its words, that of the program first.
    pub words: Vec<OsString>,
    /// What to say when nobody else has the subcommand.
    pub error: clap::Error,
}

/// The command line of this process; ends it when it makes no sense, or asks for help.
///
/// # Errors
/// When the subcommand may be one of a plugin.
pub fn parse() -> Result<Cli, Box<Unknown>> {
    let command = command();
    let words: Vec<OsString> = std::env::args_os().collect();
    let texts: Option<Vec<String>> =
        words.iter().map(|word| word.to_str().map(str::to_owned)).collect();
    let words = match texts.map(|texts| foreign::readable(texts, &command)) {
        Some(Ok(texts)) => texts.into_iter().map(OsString::from).collect(),
        Some(Err(error)) => error.exit(),
        None => words,
    };
    let matches = command.try_get_matches_from(&words);
    match matches.and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches)) {
        Ok(cli) => Ok(cli),
        Err(error) if error.kind() == ErrorKind::InvalidSubcommand && is_unknown(&words) => {
            Err(Box::new(Unknown { words, error }))
        }
        Err(error) => error.exit(),
    }
}

/// Whether the first word that is no option is none of the program's subcommands.
fn is_unknown(words: &[OsString]) -> bool {
    let mut words = words.iter().skip(1).filter_map(|word| word.to_str());
    let first = words.find(|word| !word.starts_with('-'));
    first.is_some_and(|first| command().find_subcommand(first).is_none())
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
