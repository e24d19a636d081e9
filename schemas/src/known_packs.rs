//! Known packs: which plugin that is not built in provides a part a config names.
//!
//! The table is `known-packs.json`: the passes, systems, evaluators, sources of files, packagers and
//! model types that Olive has or has had. Names are matched without case.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// Kind of a part that a plugin provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// A pass.
    Pass,
    /// A system on which passes run.
    System,
    /// An evaluator.
    Evaluator,
    /// A source of files: a kind of resource path.
    Source,
    /// A packager of results.
    Packager,
    /// A type of input model.
    Model,
}

/// A plugin by what it provides.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownPack {
    /// Name of the pack.
    pub name: String,
    /// What it is for: a sentence without subject and period.
    pub summary: String,
    /// Its passes.
    #[serde(default)]
    passes: Vec<String>,
    /// Its systems.
    #[serde(default)]
    systems: Vec<String>,
    /// Its evaluators.
    #[serde(default)]
    evaluators: Vec<String>,
    /// Its sources of files.
    #[serde(default)]
    sources: Vec<String>,
    /// Its packagers of results.
    #[serde(default)]
    packagers: Vec<String>,
    /// Its types of input models.
    #[serde(default)]
    models: Vec<String>,
}

impl KnownPack {
    /// Names of its parts of `kind`.
    pub fn parts(&self, kind: PartKind) -> &[String] {
        match kind {
            PartKind::Pass => &self.passes,
            PartKind::System => &self.systems,
            PartKind::Evaluator => &self.evaluators,
            PartKind::Source => &self.sources,
            PartKind::Packager => &self.packagers,
            PartKind::Model => &self.models,
        }
    }
}

/// The pack that provides the part called `name`; former names of passes count.
pub fn providing(kind: PartKind, name: &str) -> Option<&'static KnownPack> {
    let current = current_pass_name(name).filter(|_| kind == PartKind::Pass);
    find(kind, current.unwrap_or(name)).map(|(pack, _)| pack)
}

/// Names of all known parts of `kind`, as Olive spells them.
pub fn names(kind: PartKind) -> impl Iterator<Item = &'static str> {
    parts(kind).map(|(_, part)| part)
}

/// How Olive spells `name`, whatever its case.
pub fn canonical(kind: PartKind, name: &str) -> Option<&'static str> {
    find(kind, name).map(|(_, part)| part)
}

/// What the pass formerly called `old` is called today.
pub fn current_pass_name(old: &str) -> Option<&'static str> {
    let mut renamed = TABLE.renamed_passes.iter();
    renamed.find(|(name, _)| name.eq_ignore_ascii_case(old)).map(|(_, current)| current.as_str())
}

/// Former names of passes, each with the name of today.
pub fn former_pass_names() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.renamed_passes.iter().map(|(old, current)| (old.as_str(), current.as_str()))
}

/// What `known-packs.json` holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    packs: Vec<KnownPack>,
    renamed_passes: BTreeMap<String, String>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let table = serde_json::from_str(include_str!("../known-packs.json"));
    table.expect("the table is part of the program, and a test reads it")
});

fn find(kind: PartKind, name: &str) -> Option<(&'static KnownPack, &'static str)> {
    parts(kind).find(|(_, part)| part.eq_ignore_ascii_case(name))
}

fn parts(kind: PartKind) -> impl Iterator<Item = (&'static KnownPack, &'static str)> {
    let packs = TABLE.packs.iter();
    packs.flat_map(move |pack| pack.parts(kind).iter().map(move |part| (pack, part.as_str())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{PartKind, TABLE, canonical, current_pass_name, names, providing};

    const KINDS: [PartKind; 6] = [
        PartKind::Pass,
        PartKind::System,
        PartKind::Evaluator,
        PartKind::Source,
        PartKind::Packager,
        PartKind::Model,
    ];

    /// Passes of public configs that are not built in.
    const IN_USE: [&str; 24] = [
        "OnnxConversion",
        "OpenVINOIoUpdate",
        "OpenVINOEncapsulation",
        "OnnxStaticQuantization",
        "OpenVINOOptimumConversion",
        "QuarkQuantization",
        "RyzenGenerateModelLLM",
        "EPContextBinaryGenerator",
        "QuarkQuantizationVitisAI",
        "VitisGenerateModelLLM",
        "OpenVINOConversion",
        "StaticLLM",
        "OpenVINOQuantization",
        "NVModelOptQuantization",
        "CaptureSplitInfo",
        "ComposeOnnxModels",
        "VitisGenerateModelSD",
        "VitisAIAddMetaData",
        "MobiusBuilder",
        "QairtPreparation",
        "QairtGenAIBuilder",
        "QairtEncapsulation",
        "AitkPython",
        "SliceGPT",
    ];

    #[test]
    fn every_pass_of_public_configs_belongs_to_a_pack() {
        for name in IN_USE {
            assert!(providing(PartKind::Pass, name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_part_belongs_to_one_pack() {
        for kind in KINDS {
            let mut seen = BTreeSet::new();
            for name in names(kind) {
                assert!(seen.insert(name.to_lowercase()), "{name} twice");
            }
            assert!(!seen.is_empty(), "{kind:?}");
        }
    }

    #[test]
    fn a_pack_says_what_it_is_for() {
        for pack in &TABLE.packs {
            assert!(!pack.summary.is_empty() && !pack.summary.ends_with('.'), "{}", pack.name);
            assert!(KINDS.iter().any(|kind| !pack.parts(*kind).is_empty()), "{}", pack.name);
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        let pack = |kind, name| providing(kind, name).map(|pack| pack.name.as_str());
        assert_eq!(pack(PartKind::Pass, "sparsegpt"), Some("prune"));
        assert_eq!(pack(PartKind::System, "azureml"), Some("base"));
        assert_eq!(pack(PartKind::Evaluator, "LMEvaluator"), Some("lm-eval"));
        assert_eq!(pack(PartKind::Source, "azureml_datastore"), Some("base"));
        assert_eq!(pack(PartKind::Source, "azureml_job_output"), Some("base"));
        assert_eq!(pack(PartKind::Packager, "azuremlmodels"), Some("azureml-packages"));
        assert_eq!(pack(PartKind::Pass, "NoSuchPass"), None);
        assert_eq!(pack(PartKind::System, "SparseGPT"), None);
        assert_eq!(canonical(PartKind::Pass, "sparsegpt"), Some("SparseGPT"));
        assert_eq!(current_pass_name("genaimodelexporter"), Some("ModelBuilder"));
        assert_eq!(current_pass_name("GptqModel"), Some("Gptq"));
        assert_eq!(current_pass_name("ModelBuilder"), None);
    }

    #[test]
    fn a_former_name_is_not_in_use_again() {
        for old in TABLE.renamed_passes.keys() {
            assert_eq!(canonical(PartKind::Pass, old), None, "{old}");
        }
    }
}
