//! Packages of the result: one or a list, each with its settings beside `type`.

use olive_schemas::known_packs::PartKind;
use olive_schemas::packaging::PackagingConfig;

use super::super::{Notes, items_or_self, marks, set_default};
use super::{fix_type, flatten};
use crate::config::node::{Node, NodeValue};
use crate::plugin::Catalog;

/// Brings `packaging_config` of the engine into the form of a list of flat packages.
pub(super) fn normalize(root: &mut Node, catalog: &Catalog, notes: &mut Notes) {
    let Some(engine) = root.get_mut("engine") else { return };
    let is_left_out = engine.get("packaging_config").is_some_and(Node::is_off);
    if is_left_out {
        engine.take("packaging_config");
    }
    let Some(packages) = engine.get_mut("packaging_config") else { return };
    if packages.entries().is_some() {
        let range = packages.range.clone();
        let package = std::mem::replace(packages, Node::scalar("", range));
        packages.value = NodeValue::Array(vec![package]);
    }
    for package in items_or_self(packages) {
        flatten(package, "config", notes);
        let known = catalog.packagers().map(|(_, packager)| packager.name.as_str());
        fix_type(package, PartKind::Packager, known);
        let range = package.range.clone();
        set_default(package, "type", PackagingConfig::USUAL_TYPE, &range);
        let kind = package.get("type").and_then(Node::as_str).unwrap_or_default();
        if let Some((_, known)) = catalog.packager(kind) {
            marks::drop_ignored(package, &known.schema, &known.schema, notes);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::normalize;
    use crate::config::Node;
    use crate::plugin::Catalog;

    #[track_caller]
    fn check(before: &Value, after: &Value) {
        let mut tree = Node::from_value(&json!({"engine": {"packaging_config": before}}), &(0..1));
        normalize(&mut tree, &Catalog::default());
        assert_eq!(tree.to_value(), *after);
    }

    #[test]
    fn one_package_is_a_list_of_one() {
        let made = json!([{"type": "AzureMLModels", "name": "n", "version": 2}]);
        let made = json!({"engine": {"packaging_config": made}});
        check(&json!({"type": "azuremlmodels", "name": "n", "config": {"version": 2}}), &made);
        check(&json!([{"type": "AzureMLModels", "name": "n", "version": 2}]), &made);
    }

    #[test]
    fn a_package_without_a_type_is_an_archive() {
        check(&json!({}), &json!({"engine": {"packaging_config": [{"type": "Zipfile"}]}}));
    }

    #[test]
    fn nothing_is_no_package() {
        for nothing in [json!(null), json!(false)] {
            check(&nothing, &json!({"engine": {}}));
        }
    }
}
