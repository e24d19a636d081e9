//! What the codes of diagnostics mean. `docs/codes.md` is made of this table.

/// A code of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code, such as `unknown-key`.
    pub name: &'static str,
    /// What is the case where it stands.
    pub summary: &'static str,
    /// An example of the way out, in Markdown.
    pub way_out: &'static str,
}

/// Codes of the host, sorted by name; passes and validators have further ones.
pub const CODES: &[Code] = &[
    code(
        "accelerator-mismatch",
        "the execution provider does not run on the device",
        "`\"device\": \"cpu\"` with `CUDAExecutionProvider`: write `\"gpu\"`",
    ),
    code(
        "adapter-missing",
        "a pass needs an adapter, and the model has none",
        "put the pass that trains one before the pass that merges it",
    ),
    code(
        "adapter-not-merged",
        "a pass cannot work on a model with an adapter",
        "put the pass that merges it before",
    ),
    code(
        "doubled-marks",
        "the template and the tokenizer both add marks such as `<s>`",
        "set `\"add_special_tokens\": false`",
    ),
    code("duplicate-key", "an object has the same key twice", "remove one of them"),
    code(
        "duplicate-name",
        "two things have the same name",
        "name the second data config otherwise",
    ),
    code(
        "file-missing",
        "a file or folder that the config names does not exist",
        "correct the path; relative ones start at the config's folder",
    ),
    code(
        "goal-nonsense",
        "the value of a goal is out of range",
        "`\"max-degradation\"` with `-0.02`: write `0.02`",
    ),
    code(
        "guessed-value",
        "a key was left out, and its value is plain from the rest",
        "write the value that the note names",
    ),
    code(
        "ignored-key",
        "a key is known and has no effect here",
        "remove `\"evaluate_input_model\"` where nothing evaluates",
    ),
    code(
        "memory-short",
        "a step will need more memory than the accelerator declares",
        "choose a smaller `batch_size`, or correct `memory` of the accelerator",
    ),
    code(
        "misplaced-key",
        "a key stands in a section that it does not belong to",
        "move it to the section that the help names",
    ),
    code(
        "missing-key",
        "a key that must be there is not",
        "add `\"type\": \"LocalSystem\"` to the system",
    ),
    code(
        "missing-name",
        "settings stand where a name for them should be",
        "`\"passes\": {\"type\": …}`: write `\"passes\": {\"tune\": {\"type\": …}}`",
    ),
    code(
        "model-kind",
        "a pass gets a type of model that it does not take",
        "put a pass that makes the type before it, or change the order",
    ),
    code(
        "nightly-pin",
        "a conda environment asks for a build that is removed after some time",
        "`ort-nightly==1.18.0.dev20240307004`: pin a release",
    ),
    code(
        "no-config",
        "the file holds no config",
        "give the config itself, or show it in code blocks of the document",
    ),
    code(
        "no-effect",
        "a setting changes nothing, because another one beats it",
        "remove `text_cols` beside `text_template`",
    ),
    code(
        "no-evaluator",
        "no installed plugin measures these metrics of this type of model",
        "install a plugin that does, see `olive plugin list`",
    ),
    code(
        "no-graph-editor",
        "a pass of a component needs a plugin that edits graphs, and none is installed",
        "install a plugin with a graph editor, see `olive plugin list`",
    ),
    code(
        "no-key-vault",
        "a token is asked for, and no key vault holds it",
        "add `\"keyvault_name\"` to `azureml_client`",
    ),
    code(
        "no-search",
        "passes leave a choice, and no search decides it",
        "`\"search_strategy\": {\"sampler\": \"sequential\"}` beside `passes`",
    ),
    code(
        "no-workspace",
        "a system in the cloud has no workspace",
        "add `azureml_client` with subscription, resource group and workspace",
    ),
    code("not-a-workflow", "the file is something else than a workflow", "check another file"),
    code(
        "not-available",
        "Olive's config language has it, this program does not do it yet",
        "remove the key that is named",
    ),
    code(
        "nothing-to-do",
        "the workflow has neither passes nor an evaluator",
        "add `\"passes\": {\"tune\": {\"type\": …}}`",
    ),
    code(
        "old-python",
        "a conda environment asks for a Python that few packages still fit",
        "`python=3.8`: write `python=3.12`",
    ),
    code(
        "old-spelling",
        "an old spelling was read as the current one",
        "`olive config upgrade FILE --write` writes the current ones",
    ),
    code(
        "output-is-input",
        "the result would be written over the input model",
        "choose another `output_dir`",
    ),
    code(
        "plugin-missing",
        "what the config asks for belongs to a plugin that is not installed",
        "install the pack that the help names, or point `--plugin-dir` to it",
    ),
    code(
        "plugin-schema",
        "a plugin describes its settings wrongly",
        "report it to the author of the plugin",
    ),
    code(
        "quality-loss",
        "a step made the model measurably worse",
        "try what the help says, such as another `precision`",
    ),
    code("read", "the file cannot be read", "correct the path or its permissions"),
    code(
        "registry-name",
        "a registry or a registered model is named with a `/`, which the service refuses",
        "write the name that its page has, such as `Phi-3-mini-4k-instruct`",
    ),
    code(
        "same-folder",
        "two things would be written into the same folder",
        "give `output_dir` and `cache_dir` folders of their own",
    ),
    code(
        "search-values",
        "the values that a search is to try make no sense",
        "`[4, 8]`, or `{\"min\": 16, \"max\": 64, \"step\": 16}`",
    ),
    code(
        "syntax",
        "the text is not well formed",
        "add the comma, brace or quote at the place shown",
    ),
    code(
        "too-many-alternatives",
        "a document shows the same parts of a config too often",
        "show each part of the config once",
    ),
    code(
        "unknown-data-config",
        "a data config is used that the config does not define",
        "define it under `data_configs`, or correct the name",
    ),
    code(
        "unknown-evaluator",
        "an evaluator is used that the config does not define",
        "define it under `evaluators`, or correct the name",
    ),
    code(
        "unknown-key",
        "no key of this name exists here",
        "`\"learning_rte\"`: write `\"learning_rate\"`",
    ),
    code(
        "unknown-pass",
        "a pass is used that the config does not define",
        "define it under `passes`, or correct the name",
    ),
    code(
        "unknown-system",
        "a system is used that the config does not define",
        "define it under `systems`, or leave `host` and `target` out",
    ),
    code(
        "unknown-type",
        "no plugin, installed or known, has this type",
        "correct the name; `olive plugin list` tells what is installed",
    ),
    code(
        "unknown-validator",
        "settings are for a validator that is not installed",
        "correct the id; `olive plugin list` tells which are installed",
    ),
    code(
        "unknown-value",
        "the value is none of those that are allowed",
        "`\"precision\": \"int5\"`: write `\"int4\"`",
    ),
    code(
        "unpinned-branch",
        "a conda environment installs what a repository holds that day",
        "`git+https://…@main`: pin a release or a commit",
    ),
    code(
        "validator-api-version",
        "a validator was built for another version of Olive",
        "install a build of it for this version",
    ),
    code(
        "validator-bad-output",
        "a validator's answer cannot be right",
        "report it to its author; `\"on_failure\": \"warn\"` goes on without it",
    ),
    code(
        "validator-compile",
        "a validator cannot be compiled within limits",
        "report it to its author, or remove its file",
    ),
    code(
        "validator-contract",
        "a validator lacks an export, or one has another shape",
        "build it with `olive plugin build`",
    ),
    code(
        "validator-flood",
        "a validator says more than may leave the sandbox",
        "report it to its author; `\"on_failure\": \"warn\"` goes on without it",
    ),
    code(
        "validator-import-denied",
        "a validator asks for something that none is granted",
        "build it with `olive plugin build`, for `wasm32-unknown-unknown`",
    ),
    code(
        "validator-malformed",
        "the file of a validator is no component",
        "install the file again, or remove it",
    ),
    code(
        "validator-out-of-memory",
        "a validator asks for more memory than it may have",
        "report it to its author; `\"on_failure\": \"warn\"` goes on without it",
    ),
    code(
        "validator-refused",
        "a validator says that it cannot answer",
        "try what its message says",
    ),
    code(
        "validator-timeout",
        "a validator ran longer than it may",
        "report it to its author; `\"on_failure\": \"warn\"` goes on without it",
    ),
    code(
        "validator-too-large",
        "a validator is larger than one may be",
        "report it to its author, or remove its file",
    ),
    code(
        "validator-trap",
        "a validator crashed",
        "report it to its author; `\"on_failure\": \"warn\"` goes on without it",
    ),
    code(
        "wrong-file",
        "a file stands where a folder should be, or a folder where a file should be",
        "name the folder that holds `config.json`",
    ),
    code(
        "wrong-value",
        "the value has the wrong type or lies outside its limits",
        "`\"r\": \"64\"`: write `64`",
    ),
];

/// The code called `name`.
pub fn find(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.name == name)
}

const fn code(name: &'static str, summary: &'static str, way_out: &'static str) -> Code {
    Code { name, summary, way_out }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{CODES, Code, find};

    /// Hyphenated words of the sources that are no codes.
    const OTHERS: [&str; 4] =
        ["line-by-line", "pass-by-pass", "text-generation", "text-generation-with-past"];

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
    }

    /// Literals such as `"no-effect"` in the code of `text`.
    fn hyphenated(text: &str) -> impl Iterator<Item = &str> {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let is_word = |word: &&str| {
            word.contains('-')
                && word.split('-').all(|part| {
                    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase())
                })
        };
        code.split('"').skip(1).step_by(2).filter(is_word)
    }

    #[test]
    fn every_code_of_the_sources_is_listed() {
        let host = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut paths = sources(&host.join("config"));
        paths.extend(sources(&host.join("plan")));
        paths.extend(sources(&host.join("validate")));
        let files = ["plan.rs", "validate.rs", "report/quality.rs", "../../sandbox/src/failure.rs"];
        paths.extend(files.map(|file| host.join(file)));
        let mut unknown = BTreeSet::new();
        for path in paths {
            let text = fs::read_to_string(&path).unwrap();
            let words = hyphenated(&text).filter(|word| !word.starts_with("x-"));
            let words = words.filter(|word| find(word).is_none() && !OTHERS.contains(word));
            unknown.extend(words.map(|word| format!("`{word}` of {}", path.display())));
        }
        assert!(unknown.is_empty(), "neither in CODES nor in OTHERS: {unknown:#?}");
    }

    #[test]
    fn codes_are_sorted_and_unique() {
        let names: Vec<&str> = CODES.iter().map(|code| code.name).collect();
        let sorted: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names, sorted.into_iter().collect::<Vec<_>>());
    }

    /// `BLESS=1` writes the page anew.
    #[test]
    fn the_page_of_codes_is_fresh() {
        let mut page = "# Codes of diagnostics\n\n\
            Every finding of `olive check` has a code that does not change between releases.\n\
            A pass may add findings with codes of its own; their messages stand for themselves.\n\
            Codes of validators have the validator's id before them, such as \
            `olive-rules/eval-steps-unreachable`; `olive plugin list` tells which rules are \
            installed.\n\n\
            | code | means | way out, for example |\n| --- | --- | --- |\n"
            .to_owned();
        page.extend(CODES.iter().map(|Code { name, summary, way_out }| {
            format!("| `{name}` | {summary} | {way_out} |\n")
        }));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/codes.md");
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &page).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(written, page, "run the test with BLESS=1");
    }
}
