//! A cluster that is made or removed, and what is said of it in the end.

use serde_json::Value;

use super::wait::{Change, Wish, failure, is_changing, state};
use super::{ComputeSettings, body};
use crate::AzureError;
use crate::text::encoded;
use crate::workspace::Workspace;

/// The service's word for computes that are clusters.
const CLUSTER: &str = "AmlCompute";
/// How one is while it is removed.
const DELETING: &str = "Deleting";

/// Makes the cluster of these `settings`, unless it is there; says what has become of it.
///
/// # Errors
/// When it cannot be made, or another one has its name.
pub(super) fn create(
    workspace: &Workspace<'_>,
    settings: &ComputeSettings,
) -> Result<String, AzureError> {
    let ComputeSettings { compute_name: name, min_nodes, max_nodes, .. } = settings;
    if min_nodes > max_nodes || *max_nodes == 0 {
        return Err(AzureError::settings(
            format!("a compute of at least {min_nodes} and at most {max_nodes} machines cannot be"),
            "raise `max_nodes`, or lower `min_nodes`",
        ));
    }
    let (what, path) = named(name);
    if let Some(found) = before(workspace, &what, &path)? {
        let machines = check(&what, &found, settings)?;
        return Ok(format!("{what} is there already, with {machines}; it stays as it is"));
    }
    let location = match &settings.location {
        Some(location) => location.clone(),
        None => location(workspace)?,
    };
    let body = body(settings, &location);
    let answer = workspace.change(&what, &path, Some(&body)).map_err(unmade(&what))?;
    workspace.credential.tell(&workspace.line);
    let change = Change { workspace, what: &what, path: &path, doing: "is made ready" };
    if let Some(reason) = change.follow(&answer)? {
        return Err(AzureError::Unmade { what, reason });
    }
    let missing = || AzureError::odd(&what, "it is not there after it was made");
    let found = change.wait(Wish::There)?.ok_or_else(missing)?;
    if state(&found) != Some("Succeeded") {
        let state = state(&found).unwrap_or("in no state").to_owned();
        let reason = failure(&found).unwrap_or(state);
        return Err(AzureError::Unmade { what, reason });
    }
    let machines = check(&what, &found, settings)?;
    Ok(format!("{what} is there: {machines} in `{location}`"))
}

/// Removes the cluster `name`; says what has become of it.
///
/// # Errors
/// When there is none, or it cannot be removed.
pub(super) fn delete(workspace: &Workspace<'_>, name: &str) -> Result<String, AzureError> {
    let (what, path) = named(name);
    let Some(found) = workspace.find(&what, &path)? else {
        return Err(AzureError::Missing {
            what,
            help: "take a name that the page Compute of the workspace lists".into(),
        });
    };
    check_kind(&what, &found, "detach or delete it in the workspace")?;
    let change = Change { workspace, what: &what, path: &path, doing: "is removed" };
    if state(&found) != Some(DELETING) {
        let asked =
            workspace.change(&what, &format!("{path}?underlyingResourceAction=Delete"), None);
        let failed = match asked {
            Ok(answer) => change.follow(&answer)?,
            // Somebody else was faster.
            Err(AzureError::Refused { status: 404, .. }) => None,
            Err(error @ AzureError::Refused { status: 409, .. }) => {
                let found = workspace.find(&what, &path)?;
                if found.is_some_and(|found| state(&found) != Some(DELETING)) {
                    return Err(error);
                }
                None
            }
            Err(error) => return Err(error),
        };
        if let Some(reason) = failed {
            return Err(AzureError::Kept { what, reason });
        }
    }
    workspace.credential.tell(&workspace.line);
    match change.wait(Wish::Gone)? {
        None => Ok(format!("{what} is gone")),
        Some(found) => {
            let reason = failure(&found).unwrap_or_else(|| "it is still there".into());
            Err(AzureError::Kept { what, reason })
        }
    }
}

/// What errors call the compute `name`, and where in the workspace it stands.
fn named(name: &str) -> (String, String) {
    (format!("compute `{name}`"), format!("/computes/{}", encoded(name)))
}

/// The compute that has the name already, once nobody changes it any more; none when there is none.
fn before(workspace: &Workspace<'_>, what: &str, path: &str) -> Result<Option<Value>, AzureError> {
    let Some(found) = workspace.find(what, path)? else { return Ok(None) };
    let found = match state(&found) {
        Some(DELETING) => {
            Change { workspace, what, path, doing: "is still being removed" }.wait(Wish::Gone)?
        }
        _ if is_changing(&found) => {
            Change { workspace, what, path, doing: "is being made by somebody else" }
                .wait(Wish::There)?
        }
        _ => Some(found),
    };
    if found.as_ref().and_then(state) == Some("Failed") {
        let reason = found.as_ref().and_then(failure).unwrap_or_else(|| "no reason is told".into());
        return Err(AzureError::settings(
            format!("{what} is there already, and does not work: {reason}"),
            "take another name, or delete it first",
        ));
    }
    Ok(found)
}

/// The machines of the compute `found`, when they are those of `settings`.
fn check(what: &str, found: &Value, settings: &ComputeSettings) -> Result<String, AzureError> {
    check_kind(what, found, "take another name")?;
    let properties = found.pointer("/properties/properties").unwrap_or(&Value::Null);
    let size = properties["vmSize"].as_str().unwrap_or("unknown");
    let nodes = |key: &str| properties["scaleSettings"][key].as_u64();
    // None are kept where the answer does not say.
    let (least, most) = (nodes("minNodeCount").or(Some(0)), nodes("maxNodeCount"));
    let count =
        |nodes: Option<u64>| nodes.map_or_else(|| "?".to_owned(), |nodes| nodes.to_string());
    let machines = format!("{} to {} machines `{size}`", count(least), count(most));
    let is_size = size.eq_ignore_ascii_case(&settings.vm_size);
    let wished = [settings.min_nodes, settings.max_nodes].map(|nodes| Some(u64::from(nodes)));
    if is_size && [least, most] == wished {
        return Ok(machines);
    }
    Err(AzureError::settings(
        format!("{what} is there already, with {machines}"),
        "take another name, or delete it first",
    ))
}

/// Checks that the compute `found` is a cluster, neither one machine nor what is attached.
fn check_kind(what: &str, found: &Value, help: &str) -> Result<(), AzureError> {
    match found.pointer("/properties/computeType").and_then(Value::as_str) {
        Some(CLUSTER) => Ok(()),
        kind => Err(AzureError::settings(
            format!("{what} is no cluster, but `{}`", kind.unwrap_or("unknown")),
            help,
        )),
    }
}

/// Region of the workspace.
fn location(workspace: &Workspace<'_>) -> Result<String, AzureError> {
    let what = "the workspace";
    let found = workspace.find(what, "")?.ok_or_else(|| AzureError::Missing {
        what: format!("workspace `{}`", workspace.id),
        help: "check `subscription_id`, `resource_group` and `workspace_name`".into(),
    })?;
    let location = found["location"].as_str().map(str::to_owned);
    location.ok_or_else(|| AzureError::odd(what, "no `location`"))
}

/// A refusal as the reason why `what` is not made.
fn unmade(what: &str) -> impl Fn(AzureError) -> AzureError {
    move |error| match error {
        AzureError::Refused { status: 400 | 404 | 409 | 422, reason, .. } if !reason.is_empty() => {
            let reason = reason.trim_start_matches(": ").to_owned();
            AzureError::Unmade { what: what.to_owned(), reason }
        }
        error => error,
    }
}
