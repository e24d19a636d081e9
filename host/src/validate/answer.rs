//! Whether what a validator answered can be right.

use olive_sandbox::Failure;
use olive_schemas::diagnostic::Diagnostic;
use serde_json::Value;

use crate::plugin::component::is_name;

/// The findings `found` about `workflow`, when all of them lead somewhere.
///
/// # Errors
/// When a code or a pointer cannot be right: then nothing of the answer is to be believed.
pub(super) fn accept(found: Vec<Diagnostic>, workflow: &Value) -> Result<Vec<Diagnostic>, Failure> {
    let refuse = |why: String| Err(Failure::BadOutput(why));
    for Diagnostic { code, message, pointer, related, .. } in &found {
        if !is_name(code) {
            return refuse(format!("code `{}` is not lower case with `-`", cut(code)));
        }
        if message.trim().is_empty() {
            return refuse(format!("a finding `{code}` has no message"));
        }
        let pointers = std::iter::once(pointer).chain(related.iter().map(|place| &place.pointer));
        if let Some(nowhere) = pointers.into_iter().find(|p| workflow.pointer(p).is_none()) {
            let nowhere = cut(nowhere);
            return refuse(format!("`{code}` points to `{nowhere}`, which is not in the config"));
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
        let finding =
            |code: &str, pointer: &str, message: &str| Diagnostic::error(code, pointer, message);
        for right in [
            finding("x", "", "m"),
            finding("x-1", "/passes/a~1b/r/0", "m"),
            finding("x", "", "m").with_related("/passes", "n"),
        ] {
            assert_eq!(accept(vec![right.clone()], &workflow), Ok(vec![right]));
        }
        for (wrong, why) in [
            (finding("X", "", "m"), "code `X`"),
            (finding("a/b", "", "m"), "code `a/b`"),
            (finding("x", "/passes/c", "m"), "`/passes/c`"),
            (finding("x", "passes", "m"), "`passes`"),
            (finding("x", "", " "), "no message"),
            (finding("x", "", "m").with_related("/nowhere", "n"), "`/nowhere`"),
        ] {
            let right = finding("x", "", "m");
            let failure = accept(vec![right, wrong], &workflow).unwrap_err();
            assert_eq!(failure.code(), "validator-bad-output");
            assert!(failure.to_string().contains(why), "{failure}");
        }
    }
}
