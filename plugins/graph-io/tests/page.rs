//! The settings on the page of graph passes are those of the pass.

use olive_plugin_graph_io::EditGraphIo;
use olive_validator_api::call::{self, Entry};

const PAGE: &str = include_str!("../../../docs/graph-passes.md");

#[test]
fn every_setting_has_its_row() {
    let passes = call::passes(&[Entry::of::<EditGraphIo>()]);
    let properties = passes[0].schema["properties"].as_object().unwrap();
    assert_eq!(properties.len(), 5);
    for (name, setting) in properties {
        let told = setting["description"].as_str().unwrap().lines().next().unwrap();
        let row = format!("| `{name}` | {told} |");
        assert!(PAGE.contains(&row), "{row}");
    }
}
