//! What README and docs say to type is typed, and what they tell of the command line is there.

mod blocks;
mod help;
mod scenes;
mod walk;

use std::fs;

use olive_schemas::graph::GRAPH_VERSION;
use olive_schemas::protocol::PROTOCOL;
use olive_schemas::validation::DOCUMENT_VERSION;

use blocks::{anchors, commands, links, pages, root, text};
use walk::Walk;

/// Commands that no test types: page, heading, how they begin, and the reason.
const UNRUN: &[(&str, &str, &str, &str)] = &[
    ("README.md", "Two commands", "cargo xtask demo", "fetches a model"),
    ("README.md", "Two commands", "cargo xtask test", "runs this test"),
    ("CONTRIBUTING.md", "Contributing", "cargo ", "are or have parts of what runs this test"),
    ("docs/plugins.md", "Validators", "olive check", "its component takes a minute to build"),
    ("docs/graph-passes.md", "Building it", "olive ", "its component takes a minute to build"),
    (
        "docs/quantizing.md",
        "What is kept of a tuned model",
        "cargo xtask bench",
        "trains for minutes",
    ),
    ("docs/azureml.md", "Computes", "olive aml", "needs a workspace; see `azureml`"),
    ("docs/azureml.md", "Computes", "olive manage-aml-compute", "needs a workspace; see `azureml`"),
    ("docs/azureml.md", "Before anything is sent", "olive run", "is typed by `azureml`"),
    ("docs/azureml.md", "A live workspace", "OLIVE_TEST_AZUREML", "needs a workspace"),
    ("docs/systems.md", "A Slurm cluster", "olive ", "needs a cluster; see `slurm`"),
    ("docs/environments.md", "Containers", "olive ", "needs an engine; see `containers`"),
    ("docs/editors.md", "The language server", "olive lsp", "waits for an editor; see `lsp`"),
    ("examples/phrase-tone/README.md", "Run it", "olive import", "the demo fetches its file"),
];

/// Each line is a test that follows these headings of a page from the first command to the last.
macro_rules! walks {
    ($($name:ident: $page:literal, $headings:expr, $scene:ident, $before:expr;)+) => {
        const WALKS: &[Walk] = &[$($name::WALK),+];
        $(
            mod $name {
                use super::scenes;
                use super::walk::Walk;

                pub(super) const WALK: Walk = Walk {
                    page: $page,
                    headings: &$headings,
                    scene: scenes::$scene,
                    before: &$before,
                };

                #[test]
                fn as_a_reader_does() {
                    WALK.follow(super::reason);
                }
            }
        )+
    };
}

walks! {
    readme_plugins: "README.md", ["Plugins"], author, [];
    readme_packs: "README.md", ["Packs"], minimal, [];
    guide: "docs/plugins.md",
        ["The first pass in ten minutes", "Installing and packing"], author,
        [("olive check", scenes::mistake)];
    graph_passes: "docs/graph-passes.md", ["The first graph pass"], author, [];
    installing: "docs/packs.md",
        ["Installing packs", "What is installed", "Packs of a project"], buyer,
        [("olive plugin install --project", scenes::add_index)];
    publishing: "docs/packs.md",
        ["Making packs", "Signing packs", "Publishing packs"], author,
        [("olive plugin pack", scenes::name_pack), ("olive plugin trust add", scenes::tell_key)];
    process_plugins: "docs/process-plugins.md", ["The smallest plugin"], tag, [];
    metrics: "docs/process-plugins.md", ["A metric"], entropy, [];
    runs: "docs/runs.md",
        [
            "From a folder to a model",
            "Telling a run again",
            "Trying and measuring a model",
            "Running again",
            "Configs of older Olive",
        ],
        user, [];
    shortcuts: "docs/shortcuts.md", ["From a model to a smaller one"], user, [];
    searching: "docs/shortcuts.md", ["Searching and measuring"], measurer, [];
    quantizing: "docs/quantizing.md", ["Quantizing checkpoints"], user, [];
    searches: "docs/search.md", ["The first search"], searcher, [];
    packaging: "docs/packaging.md", ["An archive with sample code"], user, [];
    editors: "docs/editors.md",
        ["Writing configs", "From the command line", "The schema"], user, [];
    recipe: "examples/phrase-tone/README.md", ["Run it", "How much 4 bits lose"], recipe, [];
    example: "examples/process-plugin/README.md",
        ["A plugin in plain Python"], process_plugin, [];
}

/// Why a command below a heading of a page is not run.
fn reason(page: &str, heading: &str, command: &str) -> Option<&'static str> {
    let is_meant = |row: &&(&str, &str, &str, &str)| {
        row.0 == page && row.1 == heading && command.starts_with(row.2)
    };
    UNRUN.iter().find(is_meant).map(|row| row.3)
}

#[test]
fn every_command_of_the_pages_is_run_or_has_a_reason() {
    let mut forgotten = Vec::new();
    for page in pages() {
        for command in commands(&page) {
            let is_run = WALKS
                .iter()
                .any(|walk| walk.page == page && walk.headings.contains(&&*command.heading));
            if !is_run && reason(&page, &command.heading, &command.text).is_none() {
                forgotten.push(format!("{page}:{}: {}", command.line, command.text));
            }
        }
    }
    assert!(forgotten.is_empty(), "no test runs\n{}", forgotten.join("\n"));
}

#[test]
fn what_is_run_or_has_a_reason_is_there() {
    let is_there = |page: &str, heading: &str, start: &str| {
        let mut commands = commands(page).into_iter();
        commands.any(|it| it.heading == heading && it.text.starts_with(start))
    };
    for walk in WALKS {
        for heading in walk.headings {
            assert!(is_there(walk.page, heading, ""), "{}: no command at {heading}", walk.page);
        }
    }
    for (page, heading, start, _) in UNRUN {
        assert!(is_there(page, heading, start), "{page}: no `{start}` at {heading}");
    }
}

#[test]
fn pages_name_the_versions_of_today() {
    let source = text("plugin-api/src/version.rs");
    let (_, api) = source.split_once("API_VERSION_C: &CStr = c\"").unwrap();
    let minor = |version: &str| version.rsplit_once('.').unwrap().0.to_owned();
    let api = minor(api.split_once('"').unwrap().0);
    let [document, graph] = [DOCUMENT_VERSION, GRAPH_VERSION].map(minor);
    for (page, told) in [
        ("docs/plugins.md", format!("| native plugins | API {api} (")),
        ("docs/plugins.md", format!("| process plugins | protocol {PROTOCOL} (")),
        ("docs/plugins.md", format!("| documents and graphs of components | {document} (")),
        ("docs/graph-passes.md", format!("The model as JSON, version {graph} of the form.")),
        ("docs/process-plugins.md", format!("this page is about {PROTOCOL}.")),
    ] {
        assert!(text(page).contains(&told), "{page} does not say `{told}`");
    }
}

#[test]
fn links_lead_to_what_is_there() {
    let (mut broken, mut num_links) = (Vec::new(), 0);
    for page in pages() {
        for (line, target) in links(&text(&page)) {
            num_links += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let path = root().join(&page);
            let path = if file.is_empty() { path } else { path.parent().unwrap().join(file) };
            let is_there = match anchor {
                "" => path.exists(),
                anchor => fs::read_to_string(&path)
                    .is_ok_and(|text| anchors(&text).iter().any(|it| it == anchor)),
            };
            if !is_there {
                broken.push(format!("{page}:{line}: {target}"));
            }
        }
    }
    assert!(num_links > 100, "{num_links}");
    assert!(broken.is_empty(), "links that lead nowhere\n{}", broken.join("\n"));
}
