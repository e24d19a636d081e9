//! Names of linear layers as settings write them: a path, or `re:` and an expression for all of it.

use fancy_regex::Regex;

/// What begins an expression.
const EXPRESSION: &str = "re:";

/// A name of linear layers.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    /// Words of a path.
    Words(String),
    /// An expression that a whole path fits.
    Expression(Box<Regex>),
}

impl Pattern {
    /// The pattern that is written as `text`.
    ///
    /// # Errors
    /// What is wrong with the expression.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some(expression) = text.strip_prefix(EXPRESSION) else {
            return Ok(Self::Words(text.to_owned()));
        };
        let whole = format!(r"\A(?:{expression})\z");
        let regex = Regex::new(expression).and_then(|_| Regex::new(&whole));
        regex.map(|regex| Self::Expression(Box::new(regex))).map_err(|error| error.to_string())
    }

    /// Whether it is an expression.
    pub(crate) fn is_expression(&self) -> bool {
        matches!(self, Self::Expression(_))
    }

    /// Whether `path` is what is written, or fits the expression.
    pub(crate) fn is(&self, path: &str) -> bool {
        match self {
            Self::Words(words) => words == path,
            // A search given up because it takes too long is no match.
            Self::Expression(regex) => regex.is_match(path).unwrap_or(false),
        }
    }

    /// Whether `path` has what is written in it, or fits the expression.
    pub(crate) fn is_in(&self, path: &str) -> bool {
        match self {
            Self::Words(words) => path.contains(words.as_str()),
            Self::Expression(_) => self.is(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn expressions_fit_whole_paths_and_words_a_part() {
        let path = "model.layers.1.mlp.down_proj";
        for (text, is, is_in) in [
            (path, true, true),
            ("down_proj", false, true),
            ("re:down_proj", false, false),
            (r"re:.*\.(down|up)_proj", true, true),
            ("up_proj", false, false),
        ] {
            let pattern = Pattern::parse(text).unwrap();
            assert_eq!((pattern.is(path), pattern.is_in(path)), (is, is_in), "{text}");
        }
        assert!(Pattern::parse("re:(").is_err());
    }
}
