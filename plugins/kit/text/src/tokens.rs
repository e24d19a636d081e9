//! Tokens of text, with the part of them that is trained.

/// Token ids, and which of them are to be predicted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) ids: Vec<u32>,
    /// One entry an id; all are trained when `None`.
    pub(crate) trained: Option<Vec<bool>>,
}

impl Tokens {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Puts `ids` at the end, all of them trained or none.
    pub(crate) fn extend(&mut self, ids: &[u32], is_trained: bool) {
        if !is_trained && !ids.is_empty() {
            self.trained.get_or_insert_with(|| vec![true; self.ids.len()]);
        }
        self.ids.extend_from_slice(ids);
        if let Some(trained) = &mut self.trained {
            trained.resize(self.ids.len(), is_trained);
        }
    }

    /// Puts `more` at the end.
    pub(crate) fn append(&mut self, more: &Self) {
        let length = self.len();
        self.extend(&more.ids, true);
        if let Some(flags) = &more.trained {
            let trained = self.trained.get_or_insert_with(|| vec![true; self.ids.len()]);
            trained[length..].copy_from_slice(flags);
        }
    }

    /// The tokens in `range`.
    pub(crate) fn slice(&self, range: std::ops::Range<usize>) -> Self {
        let trained = self.trained.as_ref().map(|trained| trained[range.clone()].to_vec());
        Self {
            ids: self.ids[range].to_vec(),
            trained: trained.filter(|trained| trained.contains(&false)),
        }
    }

    /// Takes the first `count` tokens away.
    pub(crate) fn remove_first(&mut self, count: usize) {
        self.ids.drain(..count);
        if let Some(trained) = &mut self.trained {
            trained.drain(..count);
        }
    }

    /// Keeps the first `count` tokens.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.ids.truncate(count);
        if let Some(trained) = &mut self.trained {
            trained.truncate(count);
        }
    }
}
