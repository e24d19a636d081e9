//! The guides `docs/plugins.md` and `docs/graph-passes.md` show the templates' own code, and nothing
//! else.

use crate::sdk::TEMPLATES;

const GUIDE: &str = include_str!("../../../docs/plugins.md");
const GUIDE_TO_GRAPHS: &str = include_str!("../../../docs/graph-passes.md");

/// Blocks of the guides in `language`.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("\n```{language}\n");
    let blocks = [GUIDE, GUIDE_TO_GRAPHS].into_iter();
    let blocks = blocks.flat_map(|guide| guide.split(&opening).skip(1));
    blocks.map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn code_of_the_guide_is_code_of_a_template() {
    for language in ["rust", "c", "js", "python", "json"] {
        let blocks = blocks(language);
        assert!(!blocks.is_empty(), "no block in {language}");
        for block in blocks {
            let block = block.trim_end();
            let is_there = TEMPLATES.iter().any(|(_, text)| text.contains(block));
            assert!(is_there, "this is in no template:\n{block}");
        }
    }
}

#[test]
fn the_guide_tells_of_every_template() {
    for template in super::template::TEMPLATES {
        assert!(GUIDE.contains(&format!("--kind {}", template.kind)), "{}", template.kind);
    }
}
