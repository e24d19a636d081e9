//! How many processes compute a step, where it is written down.

/// The usual number of ranks.
pub(crate) fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn is_one(count: &usize) -> bool {
    *count == 1
}
