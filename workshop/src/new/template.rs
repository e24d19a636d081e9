//! The templates: one for each kind of plugin and language.

use super::NewError;
use super::model::Sample;
use crate::sdk;

/// A little plugin that a new one starts as.
#[derive(Debug)]
pub struct Template {
    /// What it provides: `pass`.
    pub kind: &'static str,
    /// Language it is written in: `rust`.
    pub language: &'static str,
    /// Name that the new plugin's name replaces.
    pub(super) sample: &'static str,
    /// What it is built with.
    pub(super) contract: Contract,
    /// Commands to try it with, run in its folder.
    pub steps: &'static [&'static str],
}

/// What a plugin is built with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Contract {
    /// The crates of the contract in `sdk/`; these are its dependencies.
    Crates(&'static [&'static str]),
    /// The WIT package.
    Wit,
    /// Nothing: it is a program that speaks the protocol of process plugins.
    Protocol,
}

/// The plugin as one file for others.
const PACK: &str = "olive plugin pack";

/// The plugin's own tests in Rust, its build, and its test from outside.
const BUILD: [&str; 3] = ["cargo test", "olive plugin build", "olive plugin test ."];

/// Packages that a component with settings depends on.
const SANDBOXED: Contract =
    Contract::Crates(&["olive-validator-api", "schemars", "serde", "serde_json"]);

/// The own tests of a component in C and in JavaScript.
const TEST_C: &str = "mkdir -p target && cc -std=c17 -o target/test test.c && target/test";
const TEST_JS: [&str; 2] = ["npm install", "npm test"];

const RUN: &str = "olive run --plugin-dir dist -c example.json";
const CHECK: &str = "olive check --plugin-dir dist example.json";

/// Packages that a native plugin with settings depends on.
const WITH_SETTINGS: Contract =
    Contract::Crates(&["olive-plugin-api", "schemars", "serde", "serde_json"]);

/// Every template.
pub(super) const TEMPLATES: &[Template] = &[
    Template {
        kind: "pass",
        language: "rust",
        sample: "acme-prune",
        contract: WITH_SETTINGS,
        steps: &[BUILD[0], BUILD[1], BUILD[2], RUN, PACK],
    },
    Template {
        kind: "pass",
        language: "python",
        sample: "cast-weights",
        contract: Contract::Protocol,
        steps: &[
            "python3 -m unittest",
            "olive plugin test .",
            "olive run --plugin-dir . -c example.json",
            PACK,
        ],
    },
    Template {
        kind: "evaluator",
        language: "rust",
        sample: "acme-size",
        contract: Contract::Crates(&["olive-plugin-api", "serde_json"]),
        steps: &[BUILD[0], BUILD[1], BUILD[2], RUN, PACK],
    },
    Template {
        kind: "system",
        language: "rust",
        sample: "acme-nice",
        contract: WITH_SETTINGS,
        steps: &[BUILD[0], BUILD[1], BUILD[2], RUN, PACK],
    },
    Template {
        kind: "source",
        language: "rust",
        sample: "acme-shelf",
        contract: WITH_SETTINGS,
        steps: &[BUILD[0], BUILD[1], BUILD[2], RUN, PACK],
    },
    Template {
        kind: "validator",
        language: "rust",
        sample: "acme-rules",
        contract: SANDBOXED,
        steps: &[BUILD[0], BUILD[1], BUILD[2], CHECK, PACK],
    },
    Template {
        kind: "validator",
        language: "c",
        sample: "acme-rules",
        contract: Contract::Wit,
        steps: &[TEST_C, BUILD[1], BUILD[2], CHECK, PACK],
    },
    Template {
        kind: "validator",
        language: "js",
        sample: "acme-rules",
        contract: Contract::Wit,
        steps: &[TEST_JS[0], TEST_JS[1], BUILD[1], BUILD[2], CHECK, PACK],
    },
    Template {
        kind: "validator",
        language: "python",
        sample: "acme-rules",
        contract: Contract::Wit,
        steps: &[
            "python3 -m venv .venv && .venv/bin/pip install componentize-py==0.25.1",
            "python3 -m unittest",
            BUILD[1],
            BUILD[2],
            CHECK,
            PACK,
        ],
    },
    Template {
        kind: "graph-pass",
        language: "rust",
        sample: "acme-tidy",
        contract: SANDBOXED,
        steps: &[BUILD[0], BUILD[1], BUILD[2], RUN, PACK],
    },
    Template {
        kind: "graph-pass",
        language: "c",
        sample: "acme-stamp",
        contract: Contract::Wit,
        steps: &[TEST_C, BUILD[1], BUILD[2], RUN, PACK],
    },
    Template {
        kind: "graph-pass",
        language: "js",
        sample: "acme-names",
        contract: Contract::Wit,
        steps: &[TEST_JS[0], TEST_JS[1], BUILD[1], BUILD[2], RUN, PACK],
    },
];

/// Files of every template, by path below `templates/`, and what they are called in a plugin.
const SHARED: [(&str, &str); 2] =
    [("shared/gitignore", ".gitignore"), ("shared/LICENSE", "LICENSE")];

/// Files of every validator.
const OF_VALIDATORS: [(&str, &str); 5] = [
    ("shared/conformance-validator.json", "conformance.json"),
    ("shared/data.json", "data.json"),
    ("shared/document.json", "document.json"),
    ("shared/example-validator.json", "example.json"),
    ("shared/olive-pack-validator.json", "olive-pack.json"),
];

/// Files of every graph pass.
const OF_GRAPH_PASSES: [(&str, &str); 1] = [("shared/view.json", "view.json")];

/// Files of every component in C.
const OF_C: [(&str, &str); 2] = [("shared/json.h", "json.h"), ("shared/text.h", "text.h")];

impl Template {
    /// The template for a plugin of `kind` in `language`.
    ///
    /// # Errors
    /// When there is none; the error names the languages of the kind.
    pub fn find(kind: &str, language: &str) -> Result<&'static Self, NewError> {
        let of_kind = || TEMPLATES.iter().filter(|template| template.kind == kind);
        of_kind().find(|template| template.language == language).ok_or_else(|| {
            let languages: Vec<String> =
                of_kind().map(|template| format!("`{}`", template.language)).collect();
            NewError::NoTemplate {
                kind: format!("{} {kind}", if kind.starts_with('e') { "an" } else { "a" }),
                language: language.into(),
                languages: languages.join(", "),
            }
        })
    }

    /// The model it works on.
    pub(super) fn model(&self) -> Sample {
        if self.is_graph_pass() { Sample::Onnx } else { Sample::Checkpoint }
    }

    fn is_graph_pass(&self) -> bool {
        self.kind == "graph-pass"
    }

    /// Its files, by path below the plugin's folder.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let own = format!("{}-{}/", self.kind, self.language);
        let mut shared = SHARED.to_vec();
        shared.extend(OF_VALIDATORS.iter().filter(|_| self.kind == "validator"));
        shared.extend(OF_GRAPH_PASSES.iter().filter(|_| self.is_graph_pass()));
        shared.extend(OF_C.iter().filter(|_| self.language == "c"));
        sdk::TEMPLATES.iter().filter_map(move |&(path, text)| {
            let shared = shared.iter().find(|(from, _)| *from == path).map(|(_, to)| *to);
            Some((shared.or_else(|| path.strip_prefix(&own))?, text))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{TEMPLATES, Template};
    use crate::sdk;

    #[test]
    fn what_there_is_no_template_for_is_told_with_what_there_is() {
        let error = Template::find("pass", "c").unwrap_err().to_string();
        assert!(error.starts_with("a pass cannot be written in c; "), "{error}");
        assert!(error.contains("`rust`"), "{error}");
    }

    #[test]
    fn every_folder_of_templates_is_in_the_table() {
        let known = TEMPLATES.iter().map(|t| format!("{}-{}", t.kind, t.language));
        let known: BTreeSet<String> = known.chain(["shared".to_owned()]).collect();
        let folders = sdk::TEMPLATES.iter().map(|(path, _)| path.split('/').next().unwrap());
        let folders: BTreeSet<String> = folders.map(str::to_owned).collect();
        assert_eq!(known, folders);
    }
}
