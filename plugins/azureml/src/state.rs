//! How a job is, in the words of the service and in ours.

use olive_plugin_api::JobState;
use serde_json::Value;

use crate::AzureError;
use crate::text::encoded;
use crate::workspace::Workspace;

/// Where in the workspace the job `name` stands.
pub(crate) fn path(name: &str) -> String {
    format!("/jobs/{}", encoded(name))
}

/// The service's word for how the job `name` is.
///
/// # Errors
/// When the service does not say.
pub(crate) fn status(workspace: &Workspace<'_>, name: &str) -> Result<String, AzureError> {
    let what = format!("job `{name}`");
    let found = workspace.find(&what, &path(name))?.ok_or_else(|| AzureError::Missing {
        what: what.clone(),
        help: "somebody has removed it from the workspace; run again to resume".into(),
    })?;
    let status = found.pointer("/properties/status").and_then(Value::as_str);
    status.map(str::to_owned).ok_or_else(|| AzureError::odd(what, "no `status`"))
}

/// Whether a job with this word runs no more.
pub(crate) fn is_over(status: &str) -> bool {
    matches!(status, "Completed" | "Failed" | "Canceled")
}

/// What a word means, with the reason that the service has for a failure.
pub(crate) fn state(status: &str, reason: Option<&str>) -> JobState {
    let reason = |plain: &str| match reason {
        Some(reason) => format!("{plain}: {reason}"),
        None => plain.to_owned(),
    };
    match status {
        "Completed" => JobState::Ended { exit_code: Some(0) },
        "Failed" => JobState::Lost { reason: reason("it failed in the workspace") },
        "Canceled" => JobState::Lost { reason: "it was cancelled in the workspace".into() },
        "NotStarted" | "Queued" => JobState::Queued { reason: None },
        "Starting" | "Provisioning" => {
            JobState::Queued { reason: Some("the compute makes a machine ready".into()) }
        }
        "Preparing" => JobState::Queued { reason: Some("its image is made ready".into()) },
        "Paused" => JobState::Queued { reason: Some("it is paused in the workspace".into()) },
        // `Running`, `Finalizing`, `CancelRequested`, `NotResponding`, and words of later versions.
        _ => JobState::Running,
    }
}

#[cfg(test)]
mod tests {
    use olive_plugin_api::JobState;

    use super::{is_over, state};

    #[test]
    fn every_word_of_the_service_has_a_meaning() {
        let words = [
            ("NotStarted", "queued"),
            ("Starting", "queued"),
            ("Provisioning", "queued"),
            ("Preparing", "queued"),
            ("Queued", "queued"),
            ("Running", "running"),
            ("Finalizing", "running"),
            ("CancelRequested", "running"),
            ("Completed", "ended"),
            ("Failed", "lost"),
            ("Canceled", "lost"),
            ("NotResponding", "running"),
            ("Paused", "queued"),
            ("Unknown", "running"),
        ];
        for (word, expected) in words {
            let told = match state(word, None) {
                JobState::Queued { .. } => "queued",
                JobState::Running => "running",
                JobState::Ended { .. } => "ended",
                JobState::Lost { .. } => "lost",
            };
            assert_eq!(told, expected, "{word}");
            assert_eq!(is_over(word), matches!(told, "ended" | "lost"), "{word}");
        }
        let failed = JobState::Lost { reason: "it failed in the workspace: no image".into() };
        assert_eq!(state("Failed", Some("no image")), failed);
    }
}
