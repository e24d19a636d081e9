//! Templates with columns in braces, as Python's `str.format` reads them.

use crate::error::TextError;
use crate::rows::Row;

/// A parsed template: `"### Text: {phrase}"`. Literal braces are doubled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Literal(String),
    Column(String),
}

impl Template {
    /// Parses `template`. A column's name is everything between its braces, spaces included;
    /// Python's conversions and format specifications (`{x!r}`, `{x:>3}`) are not known.
    ///
    /// # Errors
    /// When braces do not pair or a name is empty.
    pub(crate) fn parse(template: &str) -> Result<Self, TextError> {
        let fault = |problem, position| {
            Err(TextError::Template { template: template.to_owned(), problem, position })
        };
        let (mut pieces, mut literal) = (Vec::new(), String::new());
        let mut position = 0;
        while let Some(found) = template[position..].find(['{', '}']) {
            let brace = position + found;
            literal.push_str(&template[position..brace]);
            let rest = &template[brace..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                literal.push_str(&rest[..1]);
                position = brace + 2;
                continue;
            }
            if rest.starts_with('}') {
                return fault("a single `}`", brace);
            }
            match rest[1..].find(['{', '}']) {
                Some(0) => return fault("braces without a column", brace),
                Some(length) if rest[1 + length..].starts_with('}') => {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    pieces.push(Piece::Column(rest[1..=length].to_owned()));
                    position = brace + length + 2;
                }
                _ => return fault("a `{` without its `}`", brace),
            }
        }
        literal.push_str(&template[position..]);
        pieces.push(Piece::Literal(literal));
        Ok(Self { pieces })
    }

    /// The template with the values of `row` in place of its columns.
    ///
    /// # Errors
    /// When the row lacks a column or a value has no text.
    pub(crate) fn fill(&self, row: &Row) -> Result<String, TextError> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Column(column) => text.push_str(&row.text(column)?),
            }
        }
        Ok(text)
    }
}

/// The template that is given.
///
/// # Errors
/// When there is none, or it cannot be parsed.
pub(crate) fn required(
    template: Option<&str>,
    wanted: &'static str,
) -> Result<Template, TextError> {
    Template::parse(template.ok_or(TextError::NoTemplate { wanted })?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Template;
    use crate::rows::Row;
    use crate::value::Value;

    fn row() -> Row {
        let columns = [("phrase", Value::Text("I won {x}".into())), ("Best Answer", Value::Null)];
        let columns = columns.map(|(name, value)| (name.into(), value)).into();
        Row::new(Path::new("rows.json").into(), 3, columns)
    }

    fn check(template: &str, expected: &str) {
        assert_eq!(Template::parse(template).unwrap().fill(&row()).unwrap(), expected);
    }

    fn check_error(template: &str, expected: &str) {
        let filled = Template::parse(template).and_then(|template| template.fill(&row()));
        assert_eq!(filled.unwrap_err().to_string(), expected);
    }

    #[test]
    fn columns_are_filled_and_doubled_braces_are_single() {
        check("### Text: {phrase}\n", "### Text: I won {x}\n");
        check("{Best Answer}{phrase}", "NoneI won {x}");
        check("{{phrase}} {{{phrase}}} ü", "{phrase} {I won {x}} ü");
        check("", "");
    }

    #[test]
    fn broken_braces_are_placed() {
        check_error("a } b", "template `a } b` has a single `}` at byte 2");
        check_error("a {b", "template `a {b` has a `{` without its `}` at byte 2");
        check_error("{a{b}}", "template `{a{b}}` has a `{` without its `}` at byte 0");
        check_error("{}", "template `{}` has braces without a column at byte 0");
    }

    #[test]
    fn a_missing_column_is_named_with_its_row_and_those_there_are() {
        let expected = "row 3 of `rows.json` has no column `tone`; it has `phrase`, `Best Answer`";
        check_error("{phrase}: {tone}", expected);
    }
}
