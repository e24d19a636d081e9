//! Edits of public configs, where they are at hand.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::rewrite::rewrite;
use super::{Language, Path, set, unset};
use crate::config::upgrade::modernize;
use crate::config::{Node, Source, parse};
use crate::plugin::Catalog;

fn sources() -> Vec<Source> {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let folders = ["corpus/olive-recipes", "recipes"].map(|folder| shared.join(folder));
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_config = |path: &PathBuf| {
        path.extension().is_some_and(|suffix| ["json", "yaml", "yml"].iter().any(|s| suffix == *s))
    };
    let mut paths: Vec<PathBuf> = paths.filter(is_config).collect();
    paths.sort();
    if paths.is_empty() {
        println!("skipped: no public configs at `{}`", shared.display());
    }
    let read = |path: PathBuf| Source { text: fs::read_to_string(&path).unwrap(), path };
    paths.into_iter().map(read).collect()
}

fn tree(source: &Source) -> Option<Node> {
    parse(source).documents.into_iter().next()
}

#[test]
fn public_configs_come_back_after_set_and_unset() {
    let catalog = Catalog::default();
    let language = Language::new(&catalog);
    for source in sources() {
        let Some(root) = tree(&source) else { continue };
        let passes = root.get("passes").and_then(Node::entries).unwrap_or_default();
        let passes = passes.iter().map(|entry| Path::of(["passes", &entry.key, "new", "key"]));
        let others = ["new", "a.b.c", "engine.new", "input_model.new", "systems.new.type"];
        for path in others.map(|path| Path::parse(path).unwrap()).into_iter().chain(passes) {
            let name = format!("{}: {path}", source.path.display());
            let Ok(new) = set(&source, &root, &language, &path, &json!({"k": [1]})) else {
                println!("{name} cannot be set");
                continue;
            };
            let new = Source { text: new.text, path: source.path.clone() };
            let old = unset(&new, &tree(&new).unwrap(), &language, &path).unwrap();
            assert_eq!(old.text, source.text, "{name}");
        }
    }
}

#[test]
fn public_configs_are_upgraded_once() {
    let catalog = Catalog::default();
    for source in sources() {
        let Some(mut root) = tree(&source) else { continue };
        let name = source.path.display();
        assert_eq!(rewrite(&source, &root).unwrap(), source.text, "{name}");
        let notes = modernize(&mut root, &catalog);
        let text = rewrite(&source, &root).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(text != source.text, !notes.is_empty(), "{name}");
        let new = Source { text, path: source.path.clone() };
        let mut again = tree(&new).unwrap();
        assert_eq!(modernize(&mut again, &catalog), [], "{name}");
        assert_eq!(rewrite(&new, &again).unwrap(), new.text, "{name}");
    }
}
