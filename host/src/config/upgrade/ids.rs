//! Plain ids of models and data sets that an installed source takes, read as references to it.

use std::path::Path;

use olive_schemas::descriptor::SourceDescriptor;
use olive_schemas::ids::{Ids, Named};
use olive_schemas::types;
use serde_json::{Value, json};

use super::{Notes, marks};
use crate::config::check::data::{Need, need};
use crate::config::missing::is_local;
use crate::config::node::{Entry, Node, NodeValue};
use crate::config::references::IDS;
use crate::config::schema::violations;
use crate::plugin::Catalog;

/// Puts references in place of the ids in the normalized `tree`, whose relative paths start at
/// `folder`; a path that leads somewhere, or is meant to, is no id.
pub(super) fn refer(tree: &mut Node, folder: &Path, catalog: &Catalog, notes: &mut Notes) {
    let sources = takers(catalog);
    if sources.is_empty() {
        return;
    }
    if let Some(model) = tree.get_mut("input_model") {
        refer_model(model, folder, &sources);
    }
    let configs = tree.get_mut("data_configs").map(|configs| &mut configs.value);
    let Some(NodeValue::Array(configs)) = configs else { return };
    for config in configs {
        if refer_data(config, &sources).is_some() {
            let schema = &types::data_containers()[0].schema;
            marks::drop_ignored(config, schema, schema, notes);
        }
    }
}

/// Key of the options of a model, and of references, that says who asks.
const TOKEN: &str = "token";

/// A source that takes ids.
struct Taker<'a> {
    source: &'a SourceDescriptor,
    ids: Ids,
}

/// Sources whose schema says which ids they take.
fn takers(catalog: &Catalog) -> Vec<Taker<'_>> {
    let takers = catalog.sources().filter_map(|(_, source)| {
        let ids = serde_json::from_value(source.schema.get(IDS)?.clone()).ok()?;
        Some(Taker { source, ids })
    });
    takers.collect()
}

fn refer_model(model: &mut Node, folder: &Path, sources: &[Taker<'_>]) {
    let kind = model.get("type").and_then(Node::as_str).unwrap_or_default().to_owned();
    let options = model.get("load_kwargs");
    let token = options.and_then(|options| options.entry(TOKEN)).cloned();
    for key in ["model_path", "adapter_path"] {
        let Some(path) = model.get(key).filter(|path| path.as_str().is_some()) else { continue };
        let written = path.as_str().unwrap_or_default();
        let taker = sources.iter().find(|taker| taker.takes(Named::Model, &kind, written));
        let is_here = folder.join(written).exists() || is_local(Path::new(written), folder);
        let Some(taker) = taker.filter(|_| !is_here) else { continue };
        let mut reference = taker.reference(path);
        match (key, model.get_mut("load_kwargs"), &token) {
            ("model_path", Some(options), _) => taker.move_settings(options, &mut reference),
            // Its revision is that of the model; who asks is the same.
            (_, Some(options), Some(token)) if taker.has(TOKEN) => {
                options.take(TOKEN);
                reference.entries_mut().into_iter().for_each(|known| known.push(token.clone()));
            }
            _ => {}
        }
        if let Some(path) = model.get_mut(key) {
            *path = reference;
        }
    }
}

/// The data config with a reference, when it names data by an id.
fn refer_data(config: &mut Node, sources: &[Taker<'_>]) -> Option<()> {
    let value = config.to_value();
    let Need::Hub(id) = need(&value) else { return None };
    let container = value.get("type").and_then(Value::as_str).unwrap_or(ROWS);
    let taker = sources.iter().find(|taker| taker.takes(Named::Data, container, id))?;
    let load = config.get_mut("load_dataset_config")?;
    let name = load.take("data_name")?;
    let mut reference = taker.reference(&name.node);
    taker.move_settings(load, &mut reference);
    let entry = Entry { key: "data_files".into(), key_range: name.key_range, node: reference };
    load.entries_mut()?.push(entry);
    Some(())
}

/// The container of data configs that name none.
const ROWS: &str = "HuggingfaceContainer";

impl Taker<'_> {
    /// Whether `id` of a section of this `kind` is one for this source.
    fn takes(&self, of: Named, kind: &str, id: &str) -> bool {
        let is_of_kind = self.ids.types.iter().any(|known| known.eq_ignore_ascii_case(kind));
        let form = json!({"pattern": self.ids.pattern});
        self.ids.of == of && is_of_kind && violations(&id.into(), &form).is_empty()
    }

    /// Whether references to this source have the setting `key`.
    fn has(&self, key: &str) -> bool {
        self.source.schema.get("properties").is_some_and(|known| known.get(key).is_some())
    }

    /// The reference that the id `written` is.
    fn reference(&self, written: &Node) -> Node {
        let kind = Node::scalar(self.source.name.as_str(), written.range.clone());
        let entries = vec![Entry::new("type", kind), Entry::new(&*self.ids.key, written.clone())];
        Node::object(entries, written.range.clone())
    }

    /// Moves what the source has a setting for from `section` into `reference`.
    fn move_settings(&self, section: &mut Node, reference: &mut Node) {
        let known = self.source.schema.get("properties").and_then(Value::as_object);
        let own =
            known.into_iter().flat_map(|known| known.keys()).filter(|key| **key != self.ids.key);
        for key in own {
            if let (Some(entry), Some(entries)) = (section.take(key), reference.entries_mut()) {
                entries.push(entry);
            }
        }
    }
}
