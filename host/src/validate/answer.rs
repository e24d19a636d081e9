//! Whether what a validator answered can be right.

use olive_sandbox::Failure;
use olive_schemas::diagnostic::Diagnostic;
use serde_json::Value;

/// The findings `found` about `workflow`, when all of them lead somewhere.
///
/// # Errors
/// When a pointer leads nowhere: then nothing of the answer is to be believed.
pub(super) fn accept(found: Vec<Diagnostic>, workflow: &Value) -> Result<Vec<Diagnostic>, Failure> {
    for Diagnostic { code, pointer, related, .. } in &found {
        let pointers = std::iter::once(pointer).chain(related.iter().map(|place| &place.pointer));
        if let Some(nowhere) = pointers.into_iter().find(|p| workflow.pointer(p).is_none()) {
            let why = format!("`{code}` points to `{}`, which is not in the config", cut(nowhere));
            return Err(Failure::BadOutput(why));
        }
    }
    Ok(found)
}

/// The start of a text that may be long.
fn cut(text: &str) -> &str {
    const LENGTH: usize = 80;
    &text[..text.floor_char_boundary(LENGTH)]
}

#[cfg(test)]
mod tests {
    use olive_schemas::diagnostic::Diagnostic;
    use serde_json::json;

    use super::accept;

    #[test]
    fn an_answer_that_leads_nowhere_is_not_believed() {
        let workflow = json!({"passes": {"a/b": {"r": [1]}}});
        let finding = |pointer: &str| Diagnostic::error("x", pointer, "m");
        for right in [finding(""), finding("/passes/a~1b/r/0").with_related("/passes", "n")] {
            assert_eq!(accept(vec![right.clone()], &workflow), Ok(vec![right]));
        }
        for (wrong, nowhere) in [
            (finding("/passes/c"), "/passes/c"),
            (finding("").with_related("/nowhere", "n"), "/nowhere"),
            (finding(&format!("/{}", "é".repeat(99))), "/é"),
        ] {
            let failure = accept(vec![finding(""), wrong], &workflow).unwrap_err();
            assert_eq!(failure.code(), "validator-bad-output");
            assert!(failure.to_string().contains(nowhere), "{failure}");
        }
    }
}
