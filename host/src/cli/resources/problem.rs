//! What keeps a resource from having a command.

use clap::{Arg, Args, Command};
use olive_schemas::descriptor::ResourceDescriptor;
use serde_json::Value;

use super::{CREATE, DELETE, first_words, kind, properties};
use crate::cli::{CommonArgs, line};

/// Subcommand that every command has.
const HELP: &str = "help";

/// Why `resource` cannot have the command that it asks for, such as words of the program.
pub fn problem(resource: &ResourceDescriptor) -> Option<String> {
    let ResourceDescriptor { name, alias, create, delete, .. } = resource;
    let is_taken = |word: &&str| [CREATE, DELETE, HELP].contains(word);
    if let Some(word) = name.split_whitespace().chain(alias.as_deref()).find(is_taken) {
        return Some(format!("command `{name}` has the word `{word}`, which every command has"));
    }
    let program = line::command();
    if let Some(word) = first_words(resource).find(|word| program.find_subcommand(word).is_some()) {
        return Some(format!("command `{word}` is one of the program"));
    }
    let is_letter = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let is_word = |word: &str| word.bytes().all(|byte| is_letter(byte) || byte == b'-');
    if let Some(alias) = alias.as_deref().filter(|alias| alias.starts_with('-') || !is_word(alias))
    {
        return Some(format!("command `{alias}` is not lower case, digits and `-`"));
    }
    let mut known = vec![HELP.to_owned()];
    let common = CommonArgs::augment_args(Command::new("olive"));
    known.extend(common.get_arguments().filter_map(Arg::get_long).map(spelled));
    known.extend(alias.iter().flat_map(|_| [CREATE, DELETE]).map(str::to_owned));
    let settings = || properties(create).chain(properties(delete));
    if let Some((setting, _)) = settings().find(|(setting, _)| known.contains(&spelled(setting))) {
        return Some(format!("setting `{setting}` of command `{name}` is an option it has anyway"));
    }
    let is_other = |(setting, property): &(&String, &Value)| {
        let twin = delete["properties"].get(setting.as_str());
        twin.is_some_and(|twin| kind(twin) != kind(property))
    };
    let (setting, _) = properties(create).find(|one| alias.is_some() && is_other(one))?;
    Some(format!("setting `{setting}` of command `{name}` has one type to make and one to remove"))
}

/// An option's name as settings are spelled.
fn spelled(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use olive_schemas::descriptor::ResourceDescriptor;
    use serde_json::{Value, json};

    use super::problem;

    fn machine(name: &str, alias: Option<&str>, settings: &Value) -> ResourceDescriptor {
        ResourceDescriptor {
            name: name.into(),
            alias: alias.map(str::to_owned),
            summary: "A machine.".into(),
            create: json!({"properties": settings}),
            delete: json!({"properties": {"name": {"type": "string"}}}),
        }
    }

    #[test]
    fn what_the_program_has_is_no_command_of_a_plugin() {
        let text = json!({"name": {"type": "string"}});
        for (name, alias, settings, part) in [
            ("cloud machine", Some("manage-machine"), text.clone(), None),
            ("cloud create", None, text.clone(), Some("the word `create`")),
            ("run machine", None, text.clone(), Some("`run` is one of the program")),
            ("cloud", Some("check"), text.clone(), Some("`check` is one of the program")),
            ("cloud", Some("Manage"), text.clone(), Some("`Manage` is not lower case")),
            ("cloud", Some("a b"), text, Some("`a b` is not lower case")),
            ("cloud", None, json!({"json": {}}), Some("setting `json`")),
            ("cloud", None, json!({"log_level": {}}), Some("setting `log_level`")),
            ("cloud", None, json!({"create": {}}), None),
            ("cloud", Some("manage"), json!({"create": {}}), Some("setting `create`")),
            ("cloud", Some("manage"), json!({"name": {"type": "integer"}}), Some("one type")),
        ] {
            let found = problem(&machine(name, alias, &settings));
            assert_eq!(found.is_some(), part.is_some(), "{name} {alias:?}: {found:?}");
            let told = found.unwrap_or_default();
            assert!(told.contains(part.unwrap_or_default()), "{told}");
        }
    }
}
