//! Regular expressions as PEFT applies them, which are Python's.

use fancy_regex::Regex;

/// A pattern over module paths.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Regex);

impl Pattern {
    /// A pattern that is to match a whole path, as `re.fullmatch(pattern, path)`.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub(crate) fn whole(pattern: &str) -> Result<Self, String> {
        Self::compile(pattern, &format!(r"\A(?:{pattern})\z"))
    }

    /// A pattern that is to match a path or the end of it after a dot, as
    /// `re.match(rf"(.*\.)?({pattern})$", path)`.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub(crate) fn end(pattern: &str) -> Result<Self, String> {
        Self::compile(pattern, &format!(r"\A(?:.*\.)?(?:{pattern})\z"))
    }

    /// A pattern of what stands before a layer's number, the first one that follows it:
    /// `re.match(rf"(?:^|.*?\.){pattern}\.(\d+)\.", path)`.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub(crate) fn before_layer(pattern: &str) -> Result<Self, String> {
        Self::compile(pattern, &format!(r"\A(?:.*?\.)??(?:{pattern})\.(?<layer>\d+)\."))
    }

    /// Whether `path` matches. A search given up because it takes too long is no match.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.0.is_match(path).unwrap_or(false)
    }

    /// The layer's number in `path`, of a pattern made by [`Pattern::before_layer`].
    pub(crate) fn layer(&self, path: &str) -> Option<usize> {
        let captures = self.0.captures(path).ok().flatten()?;
        captures.name("layer")?.as_str().parse().ok()
    }

    /// The pattern is tried by itself first, so that an error is about what the user wrote.
    fn compile(written: &str, whole: &str) -> Result<Self, String> {
        Regex::new(written).and_then(|_| Regex::new(whole)).map(Self).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_pattern_leaves_nothing_over() {
        let pattern = Pattern::whole("q|a.b").unwrap();
        assert!(pattern.matches("q") && pattern.matches("a.b"));
        assert!(!pattern.matches("q_proj") && !pattern.matches("x.q"));
    }

    #[test]
    fn look_around_works_as_in_python() {
        let pattern = Pattern::whole(r"(?!.*layers\.0\.).*(q|v)_proj").unwrap();
        assert!(pattern.matches("model.layers.1.self_attn.q_proj"));
        assert!(!pattern.matches("model.layers.0.self_attn.q_proj"));
    }

    #[test]
    fn an_end_starts_after_a_dot() {
        let pattern = Pattern::end("(q|k)_proj").unwrap();
        assert!(pattern.matches("q_proj") && pattern.matches("self_attn.k_proj"));
        assert!(!pattern.matches("self_attn.qk_proj") && !pattern.matches("q_proj.x"));
        assert!(Pattern::end("^model.*k_proj").unwrap().matches("model.self_attn.k_proj"));
    }

    #[test]
    fn the_first_number_after_the_pattern_is_the_layer() {
        let pattern = Pattern::before_layer("layers").unwrap();
        assert_eq!(pattern.layer("model.layers.12.experts.3.q_proj"), Some(12));
        assert_eq!(pattern.layer("model.h.12.q_proj"), None);
    }

    #[test]
    fn a_broken_pattern_is_explained() {
        assert!(Pattern::whole("(q").is_err() && Pattern::end("a)|(b").is_err());
    }
}
