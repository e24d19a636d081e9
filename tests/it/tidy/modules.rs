//! The modules of a crate stand in an order: no circle among those at its root.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::code::{Code, code};
use super::crates::packages;
use super::root;

/// Circles that stay: the folder of the crate, the modules, and why.
const LEFT: [(&str, &[&str], &str); 1] = [(
    "schemas",
    &["packaging", "protocol", "step"],
    "a call holds the request of a step; a request names the library of a provider as a call does, \
     and what is to be packed, for which accelerator as a request does",
)];

/// Modules at the root of a crate, each with those it uses and one file that does.
type Graph = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn modules_of_a_crate_form_no_circle() {
    let mut found = BTreeSet::new();
    let mut told = Vec::new();
    for package in packages().values().filter(|package| !package.folder.starts_with("tests")) {
        let folder = package.folder.to_str().unwrap();
        // The readers of `fuzz` stand by themselves, in a folder of another name.
        let source = root().join(folder).join(if folder == "fuzz" { "readers" } else { "src" });
        let graph = graph(&source, &code(&source));
        for circle in circles(&graph) {
            let is_left = |(place, modules, _): &(&str, &[&str], &str)| {
                *place == folder && circle.iter().map(String::as_str).eq(modules.iter().copied())
            };
            if !LEFT.iter().any(is_left) {
                told.push(format!("{folder}: {}", circle.join(", ")));
                told.extend(drawn(&graph, &circle));
            }
            found.insert((folder.to_owned(), circle));
        }
    }
    assert!(told.is_empty(), "circles of modules:\n{}", told.join("\n"));
    for (folder, modules, _) in LEFT {
        let circle = modules.iter().map(|&name| name.to_owned()).collect();
        assert!(found.contains(&(folder.to_owned(), circle)), "{folder}: {modules:?} is no circle");
    }
}

/// The uses within `circle`, a line each.
fn drawn(graph: &Graph, circle: &[String]) -> Vec<String> {
    let inner = |name: &String| graph[name].iter().filter(|(used, _)| circle.contains(used));
    let uses = circle.iter().flat_map(|name| inner(name).map(move |used| (name, used)));
    uses.map(|(name, (used, file))| format!("    {name} uses {used} in {file}")).collect()
}

/// Which modules at the root of the crate in `source` use which.
fn graph(source: &Path, files: &[Code]) -> Graph {
    let place = |file: &Code| {
        let path = file.path.strip_prefix(source).unwrap().with_extension("");
        path.iter().map(|part| part.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let is_root = |place: &[String]| ["lib", "main", "bin"].contains(&place[0].as_str());
    let (roots, inner): (Vec<_>, Vec<_>) =
        files.iter().map(|file| (place(file), file)).partition(|(place, _)| is_root(place));
    let homes: BTreeMap<String, String> =
        roots.iter().flat_map(|(_, file)| exports(&file.text)).collect();
    let mut graph: Graph =
        inner.iter().map(|(place, _)| (place[0].clone(), BTreeMap::new())).collect();
    for (place, file) in inner {
        for head in heads(&file.text, place.len()) {
            let used = homes.get(&head).unwrap_or(&head).clone();
            if used != place[0] && graph.contains_key(&used) {
                let uses = graph.get_mut(&place[0]).unwrap();
                uses.insert(used, format!("{}.rs", place.join("/")));
            }
        }
    }
    graph
}

/// Names that the root of a crate passes on, each with the module it is from.
fn exports(text: &str) -> Vec<(String, String)> {
    let starts = ["pub use ", "pub(crate) use "];
    let uses = starts.iter().flat_map(|start| text.split(start).skip(1));
    let mut found = Vec::new();
    for path in uses.filter_map(|rest| rest.split_once(';')).map(|(path, _)| path) {
        let Some((module, names)) = path.split_once("::") else { continue };
        for name in items(names) {
            let name = name.rsplit([' ', ':']).next().unwrap_or_default();
            found.push((name.to_owned(), module.to_owned()));
        }
    }
    found
}

/// The first names of paths that begin at the root of the crate, in the text of a module `depth`
/// levels below it.
fn heads(text: &str, depth: usize) -> Vec<String> {
    let above = "super::".repeat(depth);
    let mut found = Vec::new();
    for start in ["crate::", &above] {
        for (at, _) in text.match_indices(start) {
            // A macro's `$crate` is another crate's root, and one more `super` leads nowhere.
            let before = text[..at].chars().next_back().unwrap_or(' ');
            if before == '$' || before == ':' || before.is_alphanumeric() || before == '_' {
                continue;
            }
            let rest = &text[at + start.len()..];
            found.extend(items(rest).into_iter().map(|path| {
                let is_name = |c: char| c.is_alphanumeric() || c == '_';
                path.split(|c| !is_name(c)).next().unwrap_or_default().to_owned()
            }));
        }
    }
    found
}

/// The paths that a use tree begins with: those of its braces, or the one it is.
fn items(tree: &str) -> Vec<&str> {
    let Some(inner) = tree.strip_prefix('{') else { return vec![tree] };
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, letter) in inner.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                found.push(inner[start..at].trim());
                start = at + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

/// Sets of modules that all use each other, if only by way of others; sorted.
fn circles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let reached: BTreeMap<_, _> = graph.keys().map(|name| (name, reach(graph, name))).collect();
    let circle = |name: &String| {
        let back = reached[name].iter().filter(|other| reached[**other].contains(name));
        back.map(|other| (*other).clone()).collect::<Vec<_>>()
    };
    graph.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

/// What `name` uses, itself or by way of others.
fn reach<'a>(graph: &'a Graph, name: &'a String) -> BTreeSet<&'a String> {
    let mut seen = BTreeSet::new();
    let mut todo = vec![name];
    while let Some(name) = todo.pop() {
        todo.extend(graph[name].keys().filter(|used| seen.insert(*used)));
    }
    seen
}

#[test]
fn uses_are_read_as_they_are_written() {
    let heads = |text: &str, depth| super::modules::heads(text, depth).join(" ");
    assert_eq!(heads("use crate::a::b;\nuse crate::{c, d::{e, f}, g};", 2), "a c d g");
    assert_eq!(heads("use super::a;\nlet b = crate::c::d();", 1), "c a");
    assert_eq!(heads("use super::a;\nuse super::super::b;\n$crate::c", 2), "b");
    let exports = exports("pub use a::{B, c::D};\nuse e::F;\npub use g::h::I;\n");
    let exports: Vec<_> = exports.iter().map(|(name, module)| format!("{name} {module}")).collect();
    assert_eq!(exports, ["B a", "D a", "I g"]);
    let circle = |text: &str| {
        let mut graph = Graph::new();
        for (from, to) in text.split(' ').map(|edge| edge.split_once('>').unwrap()) {
            graph.entry(to.to_owned()).or_default();
            graph.entry(from.to_owned()).or_default().insert(to.to_owned(), String::new());
        }
        circles(&graph).into_iter().map(|circle| circle.concat()).collect::<Vec<_>>()
    };
    assert_eq!(circle("a>b b>c c>a c>d d>e e>d f>a"), ["abc", "de"]);
    assert!(circle("a>b b>c a>c").is_empty());
}
