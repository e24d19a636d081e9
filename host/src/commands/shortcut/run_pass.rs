//! `olive run-pass`.

use serde_json::{Map, Value};

use super::{Begun, accelerator, input, key_and_value};
use crate::cli::shortcuts::RunPassArgs;
use crate::commands::{host, say};
use crate::config::schema::suggest;
use crate::edit::{EditError, pass_name};
use crate::error::Error;
use crate::plugin::{Catalog, PassEntry};
use crate::shortcut::Origin;

/// Runs one pass, or lists all.
pub(in crate::commands) fn run(args: &RunPassArgs) -> Result<(), Error> {
    if args.list_passes {
        say(&list(&host(&args.shortcut.common)?.catalog, args.shortcut.common.json));
        return Ok(());
    }
    let mut begun = Begun::new(&args.shortcut)?;
    put(&mut begun, args)?;
    begun.finish("run-pass", "run-pass-output")
}

fn put(begun: &mut Begun<'_>, args: &RunPassArgs) -> Result<(), Error> {
    let Begun { host, draft, .. } = begun;
    let written = args.pass_name.as_deref().unwrap_or_default();
    let pass = find(&host.catalog, written)?;
    let model = args.model.model_name_or_path.as_deref().unwrap_or_default();
    input::put(draft, model, &args.model.extras);
    accelerator::put(draft, &args.accelerator);
    let kind = &pass.descriptor.name;
    let place = format!("/passes/{}", pass_name(kind, &[]));
    draft.put_from("pass-name", &format!("{place}/type"), kind.clone());
    draft.trace("pass-name", &place);
    for (key, value) in whole(args.pass_config.as_deref())? {
        draft.put_from("pass-config", &format!("{place}/{key}"), value);
    }
    for written in &args.settings {
        let (key, value) = key_and_value(written)?;
        let pointer = format!("{place}/{}", key.replace('.', "/"));
        draft.put(&pointer, value);
        draft.trace_to(Origin::Word(written.clone()), &pointer);
    }
    Ok(())
}

/// The pass called `name`.
pub(in crate::commands) fn find<'a>(
    catalog: &'a Catalog,
    name: &str,
) -> Result<PassEntry<'a>, EditError> {
    catalog.pass(name).ok_or_else(|| {
        let known = catalog.passes().map(|pass| pass.descriptor.name.as_str());
        let help = suggest(name, known).or_else(|| catalog.absence_help());
        EditError::UnknownPass { name: name.to_owned(), help }
    })
}

/// The settings that `--pass-config` has.
fn whole(text: Option<&str>) -> Result<Map<String, Value>, Error> {
    let Some(text) = text else { return Ok(Map::new()) };
    match serde_json::from_str(text) {
        Ok(Value::Object(settings)) => Ok(settings),
        Ok(_) => Err(Error::Usage(format!("`--pass-config {text}` is no JSON object"))),
        Err(error) => Err(Error::Usage(format!("`--pass-config` is no JSON: {error}"))),
    }
}

/// Every pass with what it does, sorted by name.
fn list(catalog: &Catalog, is_json: bool) -> String {
    let mut passes: Vec<_> = catalog.passes().map(|pass| pass.descriptor).collect();
    passes.sort_by_key(|pass| pass.name.to_lowercase());
    let width = passes.iter().map(|pass| pass.name.len()).max().unwrap_or(0);
    let line = |pass: &&olive_schemas::descriptor::PassDescriptor| {
        if is_json {
            let told = serde_json::json!({
                "name": pass.name, "summary": pass.summary, "accepts": pass.accepts,
                "produces": pass.produces
            });
            return format!("{told}\n");
        }
        format!("{:width$}  {}\n", pass.name, pass.summary)
    };
    passes.iter().map(line).collect()
}
