//! Containers of data configs.

use super::{TypeEntry, schema_of};
use crate::data::DataConfig;

/// Containers that read what Python code of the user or of Olive makes.
const PYTHON: [(&str, &str); 7] = [
    ("DataContainer", "Rows that functions of a user script read"),
    ("DummyDataContainer", "Random tensors of given shapes"),
    ("TransformersDummyDataContainer", "Random tokens for a transformer with its KV cache"),
    ("TransformersPromptDummyDataContainer", "Random tokens of a prompt"),
    ("TransformersTokenDummyDataContainer", "One random token with a filled KV cache"),
    ("ImageDataContainer", "Images of a folder"),
    ("RawDataContainer", "Raw binary files, one tensor each"),
];

pub(super) fn entries() -> Vec<TypeEntry> {
    let rows = TypeEntry {
        name: "HuggingfaceContainer",
        summary: "Rows with named columns, as the `datasets` library reads them",
        schema: schema_of::<DataConfig>(),
    };
    let python = PYTHON.map(|(name, summary)| TypeEntry {
        name,
        summary,
        schema: serde_json::json!({"type": "object"}),
    });
    std::iter::once(rows).chain(python).collect()
}
