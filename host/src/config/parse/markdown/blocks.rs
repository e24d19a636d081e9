//! The code blocks of a Markdown document, with places.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// A fenced code block.
pub(super) struct Block {
    /// First word after the fence, in lower case.
    pub(super) language: String,
    /// What stands in the block, as long as in the document.
    ///
    /// Begins with the end of the line before; marks of lists and quotes around it are blank.
    pub(super) text: String,
    /// Byte of the document that `text` begins at.
    pub(super) start: usize,
}

/// The fenced code blocks of `text`.
pub(super) fn code_blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<(String, Vec<Range<usize>>)> = None;
    for (event, range) in Parser::new(text).into_offset_iter() {
        match (event, &mut open) {
            (Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))), _) => {
                open = Some((language(&info), Vec::new()));
            }
            (Event::Text(_), Some((_, pieces))) => pieces.push(range),
            (Event::End(TagEnd::CodeBlock), _) => {
                let block = open.take().and_then(|(language, pieces)| cut(text, language, &pieces));
                found.extend(block);
            }
            _ => {}
        }
    }
    found
}

/// `json` of `json`, `JSON title="x"` and `{.json}`.
fn language(info: &str) -> String {
    let words =
        info.split(|character: char| character.is_whitespace() || "{},".contains(character));
    let first = words.map(|word| word.trim_start_matches('.')).find(|word| !word.is_empty());
    first.unwrap_or_default().to_lowercase()
}

fn cut(text: &str, language: String, pieces: &[Range<usize>]) -> Option<Block> {
    let (first, last) = (pieces.first()?.start, pieces.last()?.end);
    let start = text[..first].rfind('\n')?;
    let mut bytes = vec![b' '; last.checked_sub(start)?];
    for piece in pieces {
        let target =
            bytes.get_mut(piece.start.checked_sub(start)?..piece.end.checked_sub(start)?)?;
        target.copy_from_slice(&text.as_bytes()[piece.clone()]);
    }
    Some(Block { language, text: String::from_utf8(bytes).ok()?, start })
}

#[cfg(test)]
mod tests {
    use super::code_blocks;

    #[test]
    fn only_fenced_blocks_count() {
        let text = "    indented\n\n```\na\n```\n`b`\n~~~ {.JSON lines}\nc\n\n~~~\n```yaml\n";
        let blocks = code_blocks(text);
        let found: Vec<(&str, &str)> =
            blocks.iter().map(|block| (block.language.as_str(), block.text.trim())).collect();
        assert_eq!(found, [("", "a"), ("json", "c")]);
    }

    #[test]
    fn marks_around_a_block_are_blank() {
        for text in
            ["> - ```x\n>   é {\n>    é }\n>   ```\n", "1. ```x\r\n   é {\r\n\té }\r\n   ```\r\n"]
        {
            let blocks = code_blocks(text);
            let block = &blocks[0];
            let shown = block.text.trim();
            assert!(shown.starts_with("é {") && shown.ends_with("é }"), "{shown}");
            assert!(!shown.contains('>'), "{shown}");
            for (offset, character) in block.text.char_indices().filter(|(_, c)| *c > ' ') {
                assert!(text[block.start + offset..].starts_with(character));
            }
        }
    }
}
