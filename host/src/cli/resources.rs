//! The command line of resources, which plugins announce: `olive WORDS create` and `delete`, or
//! `olive WORD --create` and `--delete` where one has a command of an earlier program too.

mod problem;

pub use problem::problem;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Args, Command, value_parser};
use olive_schemas::descriptor::ResourceDescriptor;
use serde_json::{Map, Value};

use super::CommonArgs;
use crate::config::references::PATH;

/// Subcommand that makes one.
const CREATE: &str = "create";
/// Subcommand that removes one.
const DELETE: &str = "delete";

/// What is done with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// One is made.
    Create,
    /// One is removed.
    Delete,
}

/// The program with the commands of `resources`, which have no [`problem()`], and no others.
pub fn command<'a>(resources: impl Iterator<Item = &'a ResourceDescriptor>) -> Command {
    let resources: Vec<&ResourceDescriptor> = resources.collect();
    let olive = Command::new("olive").arg_required_else_help(true);
    let olive = resources.iter().fold(olive, |olive, resource| {
        let words: Vec<&str> = resource.name.split_whitespace().collect();
        add(olive, &words, resource)
    });
    resources.iter().fold(olive, |olive, resource| match &resource.alias {
        // The words of another go before it.
        Some(alias) if olive.find_subcommand(alias).is_none() => {
            olive.subcommand(with_flags(alias, resource))
        }
        Some(_) | None => olive,
    })
}

/// The words that the command of `resource` may begin with.
pub fn first_words(resource: &ResourceDescriptor) -> impl Iterator<Item = &str> {
    resource.name.split_whitespace().take(1).chain(resource.alias.as_deref())
}

/// What the subcommand `words`, with the options `matches`, does with `resource`; nothing when it is
/// the command of another.
pub fn action(
    resource: &ResourceDescriptor,
    words: &[&str],
    matches: &ArgMatches,
) -> Option<Action> {
    if resource.alias.as_deref().is_some_and(|alias| words == [alias]) {
        return Some(if matches.get_flag(CREATE) { Action::Create } else { Action::Delete });
    }
    let (last, words) = words.split_last()?;
    let action = [(CREATE, Action::Create), (DELETE, Action::Delete)];
    let (_, action) = action.into_iter().find(|(word, _)| word == last)?;
    resource.name.split_whitespace().eq(words.iter().copied()).then_some(action)
}

/// The settings that `matches` of a command with options of `schema` give.
pub fn settings(schema: &Value, matches: &ArgMatches) -> Value {
    let mut settings = Map::new();
    for (name, property) in properties(schema) {
        let value = match kind(property) {
            "integer" => matches.get_one::<i64>(name).map(|number| (*number).into()),
            "boolean" => matches.get_one::<String>(name).map(|text| (text == "true").into()),
            _ => matches.get_one::<String>(name).map(|text| written(text, property)),
        };
        settings.extend(value.map(|value| (name.clone(), value)));
    }
    settings.into()
}

/// Adds `resource`, whose command has these `words` below `parent`.
fn add(parent: Command, words: &[&str], resource: &ResourceDescriptor) -> Command {
    let about = resource.summary.trim_end_matches('.').to_owned();
    let Some((word, rest)) = words.split_first() else {
        return parent
            .about(about.clone())
            .subcommand(change(CREATE, format!("Make one: {}", lower(&about)), &resource.create))
            .subcommand(change(
                DELETE,
                format!("Remove one: {}", lower(&about)),
                &resource.delete,
            ));
    };
    let below = |command: Command| add(command.arg_required_else_help(true), rest, resource);
    if parent.find_subcommand(word).is_some() {
        return parent.mut_subcommand(*word, below);
    }
    let name: &'static str = (*word).to_owned().leak();
    parent.subcommand(below(Command::new(name).about("Commands of plugins")))
}

fn change(name: &'static str, about: String, schema: &Value) -> Command {
    let options = properties(schema)
        .map(|(name, property)| option(name, property).required(is_required(schema, name)));
    with_common(Command::new(name).args(options), about)
}

/// The command with the options that all have; these would bring their own heading.
fn with_common(command: Command, about: String) -> Command {
    CommonArgs::augment_args(command).about(about).long_about(None)
}

/// The command `alias` of `resource`, which is told by an option what it does.
fn with_flags(alias: &str, resource: &ResourceDescriptor) -> Command {
    let ResourceDescriptor { summary, create, delete, .. } = resource;
    let name: &'static str = alias.to_owned().leak();
    let about = format!("Make or remove one: {}", lower(summary.trim_end_matches('.')));
    let flags = [(CREATE, 'c', "Make one"), (DELETE, 'd', "Remove one")];
    let flags = flags.map(|(flag, letter, help)| {
        Arg::new(flag).long(flag).short(letter).help(help).action(ArgAction::SetTrue)
    });
    let of_create = properties(create).map(|(name, property)| {
        let option = option(name, property);
        match (delete["properties"].get(name), is_required(create, name)) {
            (None, false) => option.conflicts_with(DELETE),
            (None, true) => option.conflicts_with(DELETE).required_unless_present(DELETE),
            (Some(_), false) if is_required(delete, name) => option.required_unless_present(CREATE),
            (Some(_), true) if !is_required(delete, name) => option.required_unless_present(DELETE),
            (Some(_), is_required) => option.required(is_required),
        }
    });
    let alone = properties(delete).filter(|(name, _)| create["properties"].get(name).is_none());
    let of_delete = alone.map(|(name, property)| {
        let option = option(name, property).conflicts_with(CREATE);
        if is_required(delete, name) { option.required_unless_present(CREATE) } else { option }
    });
    let group = ArgGroup::new("create-or-delete").args([CREATE, DELETE]).required(true);
    let command = Command::new(name).args(flags).group(group);
    with_common(command.args(of_create).args(of_delete), about)
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|known| known.iter().any(|known| known == name))
}

/// The option of a setting; its name may have dashes for underscores.
fn option(name: &str, property: &Value) -> Arg {
    let long: &'static str = name.to_owned().leak();
    let dashed: &'static str = name.replace('_', "-").leak();
    let described = property["description"].as_str().unwrap_or_default();
    let mut help = described.lines().next().unwrap_or_default().trim_end_matches('.').to_owned();
    if let Some(default) = property.get("default").filter(|default| !default.is_null()) {
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        help = format!("{help} [default: {default}]");
    }
    let mut option = Arg::new(long).long(long).help(help).value_name("TEXT");
    if dashed != long {
        option = option.alias(dashed);
    }
    match kind(property) {
        "integer" => {
            let least = property["minimum"].as_i64().unwrap_or(i64::MIN);
            option.value_name("N").value_parser(value_parser!(i64).range(least..))
        }
        "boolean" => option
            .value_name("BOOL")
            .num_args(0..=1)
            .default_missing_value("true")
            .value_parser(PossibleValuesParser::new(["true", "false"])),
        _ => option,
    }
}

/// The type of a setting, when it may be left out too.
fn kind(property: &Value) -> &str {
    let kinds = property["type"].as_array().map(Vec::as_slice).unwrap_or_default();
    let kind = kinds.iter().find(|kind| *kind != "null").or_else(|| property.get("type"));
    kind.and_then(Value::as_str).unwrap_or("string")
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// A text as it is meant: paths start at the working folder.
fn written(text: &str, property: &Value) -> Value {
    let path = property.get(PATH).and_then(|_| std::path::absolute(text).ok());
    path.map_or(text.into(), |path| path.to_string_lossy().into_owned().into())
}

/// A sentence as it goes on after a colon; one that begins with an abbreviation stays.
fn lower(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    if word.chars().skip(1).any(|letter| letter.is_uppercase() || letter.is_numeric()) {
        return text.to_owned();
    }
    let mut letters = text.chars();
    let first = letters.next().map(char::to_lowercase);
    first.into_iter().flatten().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use olive_schemas::descriptor::ResourceDescriptor;
    use serde_json::{Value, json};

    use super::{Action, action, command, lower, settings};

    fn machine() -> ResourceDescriptor {
        ResourceDescriptor {
            name: "cloud machine".into(),
            alias: Some("manage-machine".into()),
            summary: "A machine of the cloud.".into(),
            create: json!({
                "properties": {
                    "name": {"type": "string", "description": "Its name."},
                    "num_disks": {"type": ["integer", "null"], "minimum": 1},
                    "is_cheap": {"type": "boolean"}
                },
                "required": ["name"]
            }),
            delete: json!({"properties": {"name": {"type": "string"}}, "required": ["name"]}),
        }
    }

    fn given(words: &str) -> Option<(Action, Value)> {
        let machine = machine();
        let command = command(std::iter::once(&machine));
        command.clone().debug_assert();
        let words = std::iter::once("olive").chain(words.split(' '));
        let whole = command.try_get_matches_from(words).ok()?;
        let (mut path, mut matches) = (Vec::new(), &whole);
        while let Some((word, below)) = matches.subcommand() {
            path.push(word);
            matches = below;
        }
        let action = action(&machine, &path, matches)?;
        let schema = if action == Action::Create { &machine.create } else { &machine.delete };
        Some((action, settings(schema, matches)))
    }

    #[test]
    fn a_command_tells_what_it_makes() {
        let machine = machine();
        let mut olive = command(std::iter::once(&machine));
        olive.build();
        let make = "Make one: a machine of the cloud";
        for (path, expected) in [
            (&["cloud", "machine", "create"][..], make),
            (&["manage-machine"], "Make or remove one: a machine of the cloud"),
        ] {
            let mut found = &mut olive;
            for word in path {
                found = found.find_subcommand_mut(word).unwrap();
            }
            let help = found.render_long_help().to_string();
            assert!(help.starts_with(expected), "{help}");
        }
    }

    #[test]
    fn options_are_the_settings_of_the_schema() {
        let create = |settings: Value| Some((Action::Create, settings));
        let delete = |settings: Value| Some((Action::Delete, settings));
        for (words, expected) in [
            ("cloud machine create --name m", create(json!({"name": "m"}))),
            (
                "cloud machine create --name m --num-disks 2 --is_cheap",
                create(json!({"name": "m", "num_disks": 2, "is_cheap": true})),
            ),
            ("cloud machine delete --name m --json", delete(json!({"name": "m"}))),
            ("cloud machine create --name m --num_disks 0", None),
            ("cloud machine create --name m --num_disks many", None),
            ("cloud machine create", None),
            ("cloud machine delete --name m --num_disks 2", None),
            (
                "manage-machine --create --name m --num_disks 2",
                create(json!({"name": "m", "num_disks": 2})),
            ),
            ("manage-machine -c --name m", create(json!({"name": "m"}))),
            ("manage-machine --name m -d", delete(json!({"name": "m"}))),
            ("manage-machine --delete --name m --num_disks 2", None),
            ("manage-machine --create --delete --name m", None),
            ("manage-machine --name m", None),
            ("manage-machine --create", None),
        ] {
            assert_eq!(given(words), expected, "{words}");
        }
    }

    #[test]
    fn abbreviations_stay_as_they_are() {
        for (text, expected) in [
            ("A GPU cluster", "a GPU cluster"),
            ("GPU cluster", "GPU cluster"),
            ("H100 machines", "H100 machines"),
            ("Cluster", "cluster"),
            ("", ""),
        ] {
            assert_eq!(lower(text), expected);
        }
    }
}
