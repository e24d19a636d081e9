//! The command line of resources, which plugins announce: `olive WORDS create` and `delete`.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Args, Command, value_parser};
use olive_schemas::descriptor::ResourceDescriptor;
use serde_json::{Map, Value};

use super::CommonArgs;
use crate::config::references::PATH;

/// Subcommand that makes one.
pub const CREATE: &str = "create";
/// Subcommand that removes one.
const DELETE: &str = "delete";

/// The program with the commands of `resources` and no others.
pub fn command<'a>(resources: impl Iterator<Item = &'a ResourceDescriptor>) -> Command {
    let olive = Command::new("olive").arg_required_else_help(true);
    resources.fold(olive, |olive, resource| {
        let words: Vec<&str> = resource.name.split_whitespace().collect();
        add(olive, &words, resource)
    })
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
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let options = properties(schema).map(|(name, property)| {
        let is_required = required.iter().any(|known| known == name);
        option(name, property).required(is_required)
    });
    CommonArgs::augment_args(Command::new(name).about(about).args(options))
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

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_lowercase);
    first.into_iter().flatten().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use olive_schemas::descriptor::ResourceDescriptor;
    use serde_json::{Value, json};

    use super::{command, settings};

    fn machine() -> ResourceDescriptor {
        ResourceDescriptor {
            name: "cloud machine".into(),
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

    fn given(words: &str) -> Option<Value> {
        let machine = machine();
        let command = command(std::iter::once(&machine));
        command.clone().debug_assert();
        let words = ["olive", "cloud", "machine"].into_iter().chain(words.split(' '));
        let matches = command.try_get_matches_from(words).ok()?;
        let (_, matches) = matches.subcommand()?.1.subcommand()?;
        let (action, matches) = matches.subcommand()?;
        let schema = if action == "create" { &machine.create } else { &machine.delete };
        Some(settings(schema, matches))
    }

    #[test]
    fn options_are_the_settings_of_the_schema() {
        for (words, expected) in [
            ("create --name m", Some(json!({"name": "m"}))),
            (
                "create --name m --num-disks 2 --is_cheap",
                Some(json!({"name": "m", "num_disks": 2, "is_cheap": true})),
            ),
            ("delete --name m --json", Some(json!({"name": "m"}))),
            ("create --name m --num_disks 0", None),
            ("create --name m --num_disks many", None),
            ("create", None),
            ("delete --name m --num_disks 2", None),
        ] {
            assert_eq!(given(words), expected, "{words}");
        }
    }
}
