//! Where a run came from: what was typed, what was read, and the machine.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What it takes to run a workflow again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The command line, word by word, without the program.
    pub arguments: Vec<String>,
    /// Folder it was typed in, absolute.
    pub working_dir: String,
    /// Path of the config, as it was given.
    pub config_path: String,
    /// Text of the config.
    pub config: String,
    /// The model and the data that were read.
    pub inputs: Vec<InputFile>,
    /// Where it ran.
    pub machine: Machine,
}

/// Something that a run read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputFile {
    /// What it is, such as `input model`.
    pub role: String,
    /// Its absolute path.
    pub path: String,
    /// BLAKE3 digest of its content.
    pub digest: String,
    /// Where it was fetched from, when a source did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
}

/// Where something was fetched from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// The reference, with the name of its source as `type`.
    pub reference: Value,
    /// What names this very content for ever, such as a commit; none when the reference does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// The machine that a run ran on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Machine {
    /// Operating system with its version.
    pub system: String,
    /// Name of the processor, where the system tells.
    pub processor: Option<String>,
    /// Processors that the program could use.
    pub num_processors: usize,
    /// Bytes of memory, where the system tells.
    pub memory_bytes: Option<u64>,
}

impl fmt::Display for Origin {
    /// The command as it is typed in a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("olive")?;
        self.arguments.iter().try_for_each(|word| write!(f, " {}", quoted(word)))
    }
}

/// A word as it is typed in a shell.
pub fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./=:,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{Machine, Origin};

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        let words = ["run", "--config", "my config.json", "-o", "", "it's"];
        let origin = Origin {
            arguments: words.map(str::to_owned).to_vec(),
            working_dir: "/work".into(),
            config_path: "my config.json".into(),
            config: "{}".into(),
            inputs: Vec::new(),
            machine: Machine::default(),
        };
        assert_eq!(origin.to_string(), r"olive run --config 'my config.json' -o '' 'it'\''s'");
    }
}
