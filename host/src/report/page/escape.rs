//! Text that is safe inside elements and quoted attributes.

use crate::render::width;

/// The text with every character that means something to HTML written as a reference.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(character),
            control if control.is_control() => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

/// The first columns of `text` for a picture, where no line breaks; what it says cannot turn the
/// text around it.
pub(super) fn label(text: &str, columns: usize) -> String {
    let text = text.replace(['\n', '\t'], " ");
    let mut short = String::new();
    if width(&text) <= columns {
        short = text;
    } else {
        for character in text.chars() {
            short.push(character);
            if width(&short) >= columns {
                short.pop();
                break;
            }
        }
        short.push('…');
    }
    format!("\u{2068}{}\u{2069}", escape(&short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_cut_by_columns() {
        for (text, columns, short) in [
            ("quantize", 8, "quantize"),
            ("quantize", 7, "quanti…"),
            ("漢字漢字", 5, "漢字…"),
            ("<b>\n", 9, "&lt;b&gt; "),
        ] {
            assert_eq!(label(text, columns), format!("\u{2068}{short}\u{2069}"));
        }
    }

    #[test]
    fn markup_becomes_text() {
        assert_eq!(
            escape("<a href=\"x\" id='y'>&\u{0}\n</a>"),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;\u{fffd}\n&lt;/a&gt;"
        );
    }
}
