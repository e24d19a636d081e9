//! The identity that a machine of the cloud has.

use std::time::Duration;

use olive_transport::TransportError;

use super::Given;
use crate::AzureError;
use crate::line::{Asked, Line, json, said};
use crate::text::form;

/// Where a virtual machine asks.
const METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
/// How long that is waited for where there may be no such service.
const PATIENCE: Duration = Duration::from_secs(2);

/// A token for the identity of this machine, that of `client_id` when it has several.
pub(super) fn token(
    variable: &dyn Fn(&str) -> Option<String>,
    client_id: Option<&str>,
    scope: &str,
    line: &Line<'_>,
) -> Given {
    let resource = scope.trim_end_matches("/.default");
    let own = variable("AZURE_CLIENT_ID");
    let client = client_id.or(own.as_deref()).map(|id| ("client_id", id));
    let query = |version| {
        let mut pairs = vec![("api-version", version), ("resource", resource)];
        pairs.extend(client);
        form(&pairs)
    };
    let what = "the managed identity";
    let endpoint = variable("IDENTITY_ENDPOINT").zip(variable("IDENTITY_HEADER"));
    let answer = match endpoint {
        Some((endpoint, secret)) => {
            let url = format!("{endpoint}?{}", query("2019-08-01"));
            line.send(&Asked::new(what, "GET", &url).header("x-identity-header", secret))
        }
        None => {
            let url = format!("{METADATA}?{}", query("2018-02-01"));
            line.once(&Asked::new(what, "GET", &url).header("metadata", "true"), PATIENCE)
        }
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error @ (AzureError::Cancelled | AzureError::Transport(TransportError::Cancelled))) => {
            return Err(error);
        }
        Err(_) => return Ok(Err("no service for it answers here".into())),
    };
    if answer.status != 200 {
        return Ok(Err(said(&answer).unwrap_or_else(|| format!("answers {}", answer.status))));
    }
    let token = json(what, &answer)?["access_token"].as_str().map(str::to_owned);
    Ok(token.ok_or_else(|| "the service gives no token".into()))
}
