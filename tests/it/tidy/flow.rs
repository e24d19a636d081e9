//! The life of a run, as ARCHITECTURE.md tells it, is the way through the source.

use std::fs;

use super::{chapter, literals, root, table};

/// A function that a run passes.
struct Station {
    name: String,
    file: String,
    /// Types that it takes and gives.
    types: Vec<String>,
}

fn stations() -> Vec<Station> {
    let rows = table(&chapter("ARCHITECTURE.md", "The life of a run"));
    let station = |cells: &Vec<String>| {
        let types = literals(&cells[3]).into_iter();
        let types = types.filter(|word| word.chars().all(char::is_alphanumeric));
        Station {
            name: literals(&cells[1])[0].to_owned(),
            file: literals(&cells[2])[0].to_owned(),
            types: types.map(str::to_owned).collect(),
        }
    };
    rows.iter().map(station).collect()
}

/// Heads of the functions called `name` in `text`, up to their bodies.
fn heads<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!("fn {name}");
    let after = text.match_indices(&start).map(|(at, _)| &text[at + start.len()..]);
    let of_name = after.filter(|rest| rest.starts_with(['(', '<']));
    of_name.filter_map(|rest| rest.split_once("{\n")).map(|(head, _)| head).collect()
}

#[test]
fn a_run_passes_the_functions_that_its_life_names() {
    let stations = stations();
    let texts: Vec<String> = stations
        .iter()
        .map(|Station { file, .. }| fs::read_to_string(root().join(file)).unwrap())
        .collect();
    for (index, Station { name, file, types }) in stations.iter().enumerate() {
        let heads = heads(&texts[index], name);
        let fits = |head: &str| types.iter().all(|word| head.contains(word.as_str()));
        assert!(heads.iter().copied().any(fits), "{file}: no `{name}` of {types:?}: {heads:?}");
        let call = format!("{name}(");
        let is_called = |text: &String| {
            let mut calls = text.match_indices(&call).map(|(at, _)| &text[..at]);
            calls.any(|before| {
                !before.ends_with("fn ") && before.ends_with([' ', ':', '.', '(', '\n'])
            })
        };
        let is_called = index == 0 || texts[..index].iter().any(is_called);
        assert!(is_called, "`{name}` of {file} is called in no file above it");
    }
}

#[test]
fn sources_that_the_page_names_are_there() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let is_path = |word: &&str| {
        word.contains('/')
            && !word.contains(['{', '*', '<', ' ', ':', '='])
            && !word.starts_with('.')
    };
    let named: Vec<&str> = literals(&page).into_iter().filter(is_path).collect();
    assert!(named.len() > 40, "{named:?}");
    let places = ["", "host/src", "plugins"];
    let gone: Vec<&&str> = named
        .iter()
        .filter(|path| !places.iter().any(|place| root().join(place).join(path).exists()))
        .collect();
    assert!(gone.is_empty(), "ARCHITECTURE.md names {gone:?}");
}
