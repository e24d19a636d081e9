//! Files and functions that can be read at a glance.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, ItemFn, Signature, TraitItemFn};

use super::crates::packages;
use super::{root, sources};

/// Most lines of a file, with its tests.
const FILE_LINES: usize = 400;

/// Most lines of a function, from `fn` to its last brace.
const FUNCTION_LINES: usize = 60;

/// Files that may be longer, each with the reason.
const LONG_FILES: [(&str, &str); 1] =
    [("plugins/kit/onnx/src/proto/generated.rs", "made by prost from ONNX's definitions")];

/// Functions of a file by name, with their lines.
#[derive(Default)]
struct Functions(Vec<(String, usize)>);

impl Functions {
    fn add(&mut self, signature: &Signature, body: &Block) {
        let lines = lines(signature.fn_token.span, body.brace_token.span.close());
        self.0.push((signature.ident.to_string(), lines));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

/// Lines from `first` to `last`.
fn lines(first: Span, last: Span) -> usize {
    last.end().line - first.start().line + 1
}

/// Our sources by their paths below the root.
fn texts() -> BTreeMap<String, String> {
    let packages = packages();
    let paths = packages.values().flat_map(|package| sources(&root().join(&package.folder)));
    let text = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(&path).unwrap())
    };
    paths.map(text).collect()
}

/// Compares `sizes` of things with `limit`; `exceptions` may be larger, and must be.
fn check(sizes: &BTreeMap<String, usize>, limit: usize, exceptions: &[(&str, &str)]) {
    let large: BTreeSet<&str> =
        sizes.iter().filter(|(_, lines)| **lines > limit).map(|(name, _)| name.as_str()).collect();
    let excepted = exceptions.iter().map(|(name, _)| *name).collect();
    let grown: Vec<String> = large
        .difference(&excepted)
        .map(|name| format!("`{name}` has {} lines; the most is {limit}", sizes[*name]))
        .collect();
    assert!(grown.is_empty(), "split by subject: {grown:#?}");
    let needless: Vec<_> = excepted.difference(&large).collect();
    assert!(needless.is_empty(), "exceptions that nothing needs: {needless:?}");
}

#[test]
fn files_are_read_without_losing_the_thread() {
    let lines = |(name, text): (String, String)| (name, text.lines().count());
    let sizes: BTreeMap<String, usize> = texts().into_iter().map(lines).collect();
    assert!(sizes.len() > 1000, "{} files", sizes.len());
    check(&sizes, FILE_LINES, &LONG_FILES);
}

#[test]
fn functions_fit_on_a_screen() {
    let mut sizes = BTreeMap::new();
    for (name, text) in texts() {
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut functions = Functions::default();
        functions.visit_file(&file);
        for (function, lines) in functions.0 {
            let largest = sizes.entry(format!("{name}: {function}")).or_default();
            *largest = lines.max(*largest);
        }
    }
    assert!(sizes.len() > 5000, "{} functions", sizes.len());
    check(&sizes, FUNCTION_LINES, &[]);
}
