//! Why a component does not answer.

/// Why a component cannot answer; not a finding about a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It does not know documents of this kind.
    UnsupportedDocument(String),
    /// The document, its settings, or what was told about the call, is not what it should be.
    InvalidInput(String),
}

impl Refusal {
    /// That a graph is not one for this pass with these settings: the name and what is the matter,
    /// lower case, no final period.
    ///
    /// ```
    /// let refusal = olive_validator_api::Refusal::of("the graph has no input `past`");
    /// assert_eq!(refusal.why(), "the graph has no input `past`");
    /// ```
    pub fn of(why: impl Into<String>) -> Self {
        Self::InvalidInput(why.into())
    }

    /// What is told.
    pub fn why(&self) -> &str {
        match self {
            Self::UnsupportedDocument(why) | Self::InvalidInput(why) => why,
        }
    }
}
