//! References to files: those of datastores by one address, as Olive up to v0.9.2 took them.

use serde_json::json;

use crate::config::node::{Entry, Node, NodeValue};
use crate::config::upgrade::{Notes, insert, settings};

/// Key of such an address, which nothing else has.
const URL: &str = "datastore_url";
/// Key of the workspace of a reference, and of the file that would win over the rest of it.
const CLIENT: &str = "azureml_client";
const CLIENT_FILE: &str = "aml_config_path";
/// Parts of an address that name the workspace, each with its key.
const WORKSPACE: [(&str, &str); 3] = [
    ("subscriptions", "subscription_id"),
    ("resourcegroups", "resource_group"),
    ("workspaces", "workspace_name"),
];

/// Rewrites the references of `root`.
pub(super) fn modernize(root: &mut Node, notes: &mut Notes) {
    let client = root.get(CLIENT).filter(|client| client.entries().is_some()).cloned();
    rewrite(root, client.as_ref(), notes);
}

/// Rewrites the references below `node`; those without a workspace are asked for as `client` says.
fn rewrite(node: &mut Node, client: Option<&Node>, notes: &mut Notes) {
    match &mut node.value {
        NodeValue::Array(items) => items.iter_mut().for_each(|item| rewrite(item, client, notes)),
        NodeValue::Object(entries) => {
            for entry in entries {
                rewrite(&mut entry.node, client, notes);
            }
        }
        NodeValue::Scalar(_) => return,
    }
    if node.get("type").is_some() {
        spread_url(settings(node, "config"), client, notes);
    }
}

/// Makes `datastore_url` the name of a datastore and a path in it; another workspace than the one
/// that is set, by the reference itself or by `client`, is that of the address.
fn spread_url(reference: &mut Node, client: Option<&Node>, notes: &mut Notes) {
    let is_set = ["datastore_name", "relative_path"].map(|key| reference.get(key).is_some());
    if is_set.contains(&true) {
        return;
    }
    let address = reference.get(URL).and_then(Node::as_str).and_then(Address::parse);
    let Some(address) = address else { return };
    let Some(url) = reference.take(URL) else { return };
    notes.reshaped(&url.key_range, "`datastore_url`", "`datastore_name` and `relative_path`");
    let range = url.node.range;
    let text = |key: &str, text: String| Entry::new(key, Node::scalar(text, range.clone()));
    insert(reference, text("datastore_name", address.datastore));
    insert(reference, text("relative_path", address.path));
    let Some(workspace) = address.workspace else { return };
    if reference.get(CLIENT).is_none_or(|client| client.entries().is_none()) {
        reference.take(CLIENT);
        let client = client.map_or_else(|| json!({}), Node::to_value);
        let client = Node::from_value(&client, &range);
        insert(reference, Entry::new(CLIENT, client));
    }
    let Some(client) = reference.get_mut(CLIENT) else { return };
    client.take(CLIENT_FILE);
    for ((_, key), name) in WORKSPACE.into_iter().zip(workspace) {
        client.take(key);
        insert(client, text(key, name));
    }
}

/// Where a file of a datastore lies: `azureml://…/datastores/NAME/paths/PATH`.
struct Address {
    workspace: Option<[String; 3]>,
    datastore: String,
    path: String,
}

impl Address {
    fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("azureml://")?;
        let (place, rest) = rest.split_once("datastores/")?;
        let (datastore, path) = rest.split_once("/paths/")?;
        let parts: Vec<&str> = place.split('/').collect();
        let workspace = match parts[..] {
            [""] => None,
            [first, subscription, second, group, third, name, ""] => {
                let words = [first, second, third].into_iter().zip(WORKSPACE);
                let mut words = words.map(|(word, (known, _))| word.eq_ignore_ascii_case(known));
                words.all(|is_known| is_known).then_some(())?;
                Some([subscription, group, name].map(str::to_owned))
            }
            _ => return None,
        };
        Some(Self { workspace, datastore: datastore.to_owned(), path: path.to_owned() })
    }
}
