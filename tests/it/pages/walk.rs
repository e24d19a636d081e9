//! Following a page: typing what stands below its headings, one line after the other.

use std::any::Any;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::blocks::{self, commands};
use crate::playground::{Playground, Said};

/// Headings of a page that a reader follows in one go.
pub(super) struct Walk {
    /// The page.
    pub(super) page: &'static str,
    /// Its headings, from top to bottom.
    pub(super) headings: &'static [&'static str],
    /// What a reader has before the first command; `None`, said aloud, when this machine cannot.
    pub(super) scene: fn() -> Option<Scene>,
    /// What the page tells in words before a command that begins so.
    pub(super) before: &'static [Before],
}

/// How a command begins, and what is done before it.
pub(super) type Before = (&'static str, fn(&mut Scene));

/// Where a reader is, and what stands for the names of examples.
pub(super) struct Scene {
    pub(super) playground: Playground,
    /// Working folder.
    pub(super) folder: PathBuf,
    /// What a command says, and what is meant here.
    pub(super) words: Vec<(&'static str, String)>,
    /// Environment variables.
    pub(super) variables: Vec<(&'static str, String)>,
    /// What must live as long as the scene.
    pub(super) keep: Vec<Box<dyn Any>>,
}

impl Walk {
    /// Types all commands but those that have a `reason` not to.
    pub(super) fn follow(&self, reason: fn(&str, &str, &str) -> Option<&'static str>) {
        let Some(mut scene) = (self.scene)() else { return };
        let mut commands = commands(self.page);
        commands.retain(|command| {
            self.headings.contains(&&*command.heading)
                && reason(self.page, &command.heading, &command.text).is_none()
        });
        for (start, _) in self.before {
            let is_there = commands.iter().any(|command| command.text.starts_with(start));
            assert!(is_there, "{}: no command `{start}`", self.page);
        }
        for command in commands {
            for (start, prepare) in self.before {
                if command.text.starts_with(start) {
                    prepare(&mut scene);
                }
            }
            scene.follow(self.page, &command);
        }
    }
}

impl Scene {
    /// In a folder `here` of `playground`, with its program on the search path.
    pub(super) fn new(playground: Playground) -> Self {
        let folder = playground.path("here");
        fs::create_dir(&folder).unwrap();
        Self { playground, folder, words: Vec::new(), variables: Vec::new(), keep: Vec::new() }
    }

    /// Types a line into a shell in the working folder.
    pub(super) fn shell(&self, line: &str) -> Said {
        let put = |line: String, (said, meant): &(&str, String)| line.replace(said, meant);
        let line = self.words.iter().fold(line.to_owned(), put);
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", &line]).current_dir(&self.folder).stdin(Stdio::null());
        self.playground.surround(&mut shell);
        let others = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{others}", self.playground.path("bin").display()));
        shell.envs(self.variables.iter().map(|(name, value)| (name, value)));
        Said::from(shell.output().unwrap())
    }

    /// Types a command, and checks what comes of it: what the page shows, and an error only where
    /// the page shows one.
    fn follow(&mut self, page: &str, command: &blocks::Command) {
        if let Some(folder) = command.text.strip_prefix("cd ") {
            self.folder.push(folder);
            return;
        }
        let said = self.shell(&command.text);
        let (shown, is_error) = (command.output.trim(), command.output.contains("error["));
        let is_as_told = (said.code == Some(0)) != is_error
            && (said.out.contains(shown) || said.err.contains(shown));
        let (Said { code, out, err }, blocks::Command { line, text, .. }) = (said, command);
        assert!(
            is_as_told,
            "{page}:{line}: `{text}`\nends with {code:?}\nout:\n{out}\nerr:\n{err}"
        );
    }
}
