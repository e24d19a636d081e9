//! `olive schema`.

use std::fs;
use std::path::Path;

use olive_schemas::conformance::ConformanceFile;
use olive_schemas::descriptor::PluginDescriptor;
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::footprint::Footprint;
use olive_schemas::graph::{GraphEdit, GraphView};
use olive_schemas::pack::{LockFile, PackIndex, PackManifest, PackRecipe};
use olive_schemas::protocol::{CallLine, Message, PluginManifest};
use olive_schemas::step::{StepEvent, StepOutcome, StepRequest};
use olive_schemas::types::schema_of;
use serde_json::Value;

use super::{host, say};
use crate::cli::schema::SchemaArgs;
use crate::config::language;
use crate::config::schema::suggest;
use crate::error::Error;
use crate::plugin::Catalog;
use crate::render::json::Checked;
use crate::store::files::write_atomically;

/// File of the config's schema among all schemas.
const CONFIG: &str = "olive-config";

/// A written type: its name, and what makes its schema.
type WrittenType = (&'static str, fn() -> Value);

/// Types that are written down for others to read.
const WRITTEN: [WrittenType; 17] = [
    ("footprint", schema_of::<Footprint>),
    ("check", schema_of::<Checked<'static>>),
    ("diagnostic", schema_of::<Diagnostic>),
    ("plugin-descriptor", schema_of::<PluginDescriptor>),
    ("step-request", schema_of::<StepRequest>),
    ("step-event", schema_of::<StepEvent>),
    ("step-outcome", schema_of::<StepOutcome>),
    ("plugin-manifest", schema_of::<PluginManifest>),
    ("plugin-call", schema_of::<CallLine>),
    ("plugin-message", schema_of::<Message>),
    ("graph-view", schema_of::<GraphView>),
    ("graph-edit", schema_of::<GraphEdit>),
    ("conformance", schema_of::<ConformanceFile>),
    ("pack-manifest", schema_of::<PackManifest>),
    ("pack-index", schema_of::<PackIndex>),
    ("olive-pack", schema_of::<PackRecipe>),
    ("olive-lock", schema_of::<LockFile>),
];

pub(super) fn run(args: &SchemaArgs) -> Result<(), Error> {
    let host = host(&args.common)?;
    if let Some(folder) = &args.all {
        return write_all(&host.catalog, folder);
    }
    let text = match &args.of {
        Some(name) => pretty(&named(&host.catalog, name)?),
        None if args.docs => language::docs(&language::schema(&host.catalog)),
        None => pretty(&language::schema(&host.catalog)),
    };
    match &args.out {
        Some(path) => write(path, &text),
        None => {
            say(&text);
            Ok(())
        }
    }
}

/// Writes `text` to `path` whole or not at all, its folder too.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    write_atomically(path, text.as_bytes()).map_err(failed)
}

/// A schema as its file holds it.
pub(super) fn pretty(schema: &Value) -> String {
    format!("{schema:#}\n")
}

/// The schema called `name`: a written type, or a pass's settings.
fn named(catalog: &Catalog, name: &str) -> Result<Value, Error> {
    let written = WRITTEN.iter().find(|(known, _)| *known == name);
    let found =
        written.map(|(_, schema)| schema()).or_else(|| language::pass_schema(catalog, name));
    found.ok_or_else(|| {
        let passes = catalog.passes().map(|pass| pass.descriptor.name.as_str());
        let known = WRITTEN.iter().map(|(name, _)| *name).chain(passes);
        let help = suggest(name, known).map(|help| format!(": {help}")).unwrap_or_default();
        Error::Usage(format!("nothing called `{name}` has a schema{help}"))
    })
}

/// Writes every schema below `folder`: the config's, each written type's, each pass's.
fn write_all(catalog: &Catalog, folder: &Path) -> Result<(), Error> {
    let file = |name: &str| folder.join(format!("{name}.schema.json"));
    write(&file(CONFIG), &pretty(&language::schema(catalog)))?;
    for (name, schema) in WRITTEN {
        write(&file(name), &pretty(&schema()))?;
    }
    for pass in catalog.passes() {
        let name = &pass.descriptor.name;
        if let Some(schema) = language::pass_schema(catalog, name) {
            write(&file(&format!("passes/{name}")), &pretty(&schema))?;
        }
    }
    Ok(())
}
