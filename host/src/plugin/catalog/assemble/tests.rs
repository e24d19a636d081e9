//! Who may stand beside whom, and who goes before whom.

use std::collections::BTreeMap;

use olive_packs::store::{ActivePack, Scope};
use olive_schemas::pack::Signer;
use serde_json::{Value, json};

use super::*;

fn plugin(file: &str, origin: Origin, parts: &Value) -> InstalledPlugin {
    let name = file.split(' ').next().unwrap();
    let mut descriptor = json!({"name": name, "version": "1.0.0", "api_version": "0.2.0"});
    descriptor.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
    let descriptor: PluginDescriptor = serde_json::from_value(descriptor).unwrap();
    InstalledPlugin {
        path: file.into(),
        digest: file.into(),
        descriptor,
        origin,
        packed: None,
        shadows: Vec::new(),
    }
}

fn part(kind: &str, name: &str) -> Value {
    json!({kind: [{"name": name, "summary": "A.", "schema": {}, "accepts": []}]})
}

fn pack(name: &str, scope: Scope) -> InstalledPack {
    let manifest = json!({
        "format": 1, "name": name, "version": "1.0.0", "publisher": {"id": "acme", "name": "Acme"},
        "license": "MIT", "description": "A pack.", "api": "*", "plugins": [], "files": [],
    });
    let active = ActivePack {
        name: name.parse().unwrap(),
        version: "1.0.0".into(),
        source: "file".into(),
        sha256: String::new(),
        size: 0,
        manifest_sha256: String::new(),
        signer: Signer::Unsigned,
    };
    let manifest = serde_json::from_value(manifest).unwrap();
    let folder = "/nowhere".into();
    InstalledPack { active, scope, folder, manifest, descriptors: BTreeMap::new() }
}

/// Adds a pack with one plugin of one source.
fn add(
    catalog: &mut Catalog,
    name: &str,
    scope: Scope,
    file: &str,
    source: &str,
) -> Result<(), PackError> {
    let pack = pack(name, scope);
    let origin = Origin::Pack(PackOrigin::of(&pack));
    let plugins = vec![plugin(file, origin, &part("sources", source))];
    catalog.add_pack(&pack, Members { plugins, ..Members::default() })
}

#[test]
fn two_plugins_may_not_have_one_name_for_what_is_chosen_by_name() {
    for kind in ["source", "system", "packager"] {
        let list = format!("{kind}s");
        let mut catalog = Catalog::default();
        let plugin = |file, name| plugin(file, Origin::Folder, &part(&list, name));
        catalog.add(plugin("one", "Acme")).unwrap();
        catalog.add(plugin("other", "Other")).unwrap();
        let refused = catalog.add(plugin("two", "acme")).unwrap_err();
        assert_eq!(refused.to_string(), format!("{kind} `acme` is in `one` and in `two`"));
    }
}

#[test]
fn two_plugins_may_not_have_one_command() {
    let machine = |system: &str, name: &str, alias: Value| {
        let mut part = part("systems", system);
        let machine =
            json!({"name": name, "alias": alias, "summary": "A.", "create": {}, "delete": {}});
        part["systems"][0]["resources"] = json!([machine]);
        part
    };
    let mut catalog = Catalog::default();
    let mut add = |file, part| catalog.add(plugin(file, Origin::Folder, &part));
    add("one", machine("One", "cloud machine", "manage-machine".into())).unwrap();
    add("other", machine("Other", "cloud disk", Value::Null)).unwrap();
    for (name, alias, told) in [
        ("cloud machine", Value::Null, "command `cloud machine` is in `one` and in `two`"),
        ("sky", "manage-machine".into(), "command `manage-machine` is in `one` and in `two`"),
    ] {
        let refused = add("two", machine("Two", name, alias)).unwrap_err();
        assert_eq!(refused.to_string(), told);
    }
}

#[test]
fn evaluators_of_custom_metrics_are_chosen_by_name() {
    let custom = |name: &str| {
        let mut part = part("evaluators", name);
        part["evaluators"][0]["custom"] = json!({});
        part
    };
    let mut catalog = Catalog::default();
    let mut add = |file, part| catalog.add(plugin(file, Origin::Folder, &part));
    add("one", custom("Acme")).unwrap();
    add("other", part("evaluators", "Acme")).unwrap();
    let refused = add("two", custom("acme")).unwrap_err();
    assert_eq!(refused.to_string(), "evaluator `acme` is in `one` and in `two`");
}

#[test]
fn a_plugin_of_a_higher_place_goes_before_one_of_its_name() {
    let mut catalog = Catalog::default();
    let acme = part("sources", "Acme");
    catalog.add(plugin("one at the program", Origin::Program, &acme)).unwrap();
    add(&mut catalog, "acme/a", Scope::User, "one of the user", "Acme").unwrap();
    add(&mut catalog, "acme/b", Scope::Project, "one of the project", "Acme").unwrap();
    catalog.add(plugin("one in a folder", Origin::Folder, &acme)).unwrap();
    let [plugin] = catalog.plugins() else { panic!("{:?}", catalog.plugins()) };
    assert_eq!(plugin.path.to_str(), Some("one in a folder"));
    let shadows = ["of acme/b 1.0.0", "of acme/a 1.0.0", "beside the program"]
        .map(|from| format!("one@1.0.0 {from}"));
    assert_eq!(plugin.shadows, shadows);
}

#[test]
fn a_pack_with_what_another_plugin_has_is_broken_as_a_whole() {
    let mut catalog = Catalog::default();
    catalog.add(plugin("one", Origin::Program, &part("sources", "Acme"))).unwrap();
    add(&mut catalog, "acme/b", Scope::User, "two", "Other").unwrap();
    for (file, source, told) in [
        ("three", "ACME", "source `ACME` is in `acme/c` and in `one` beside the program"),
        ("three", "other", "source `other` is in `acme/c` and in `acme/b`"),
        ("two", "Third", "plugin `two` is in `acme/c` and in `acme/b`"),
    ] {
        let error = add(&mut catalog, "acme/c", Scope::User, file, source).unwrap_err();
        assert_eq!(error.to_string(), told);
        assert_eq!(catalog.plugins().len(), 2);
    }
    add(&mut catalog, "acme/c", Scope::Project, "two", "Third").unwrap();
    assert_eq!(catalog.plugins().len(), 2);
}
