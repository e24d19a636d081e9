//! Datastores: containers that a workspace knows by name.

use serde_json::{Value, json};

use crate::AzureError;
use crate::storage::{Access, Container};
use crate::text::encoded;
use crate::workspace::Workspace;

/// The datastore that every workspace has, where files of jobs go.
pub(crate) const DEFAULT: &str = "workspaceblobstore";

/// The container of the datastore `name`.
///
/// # Errors
/// When there is none, or it is of a kind that is not read here.
pub(crate) fn open<'a>(
    workspace: &'a Workspace<'a>,
    name: &str,
) -> Result<Container<'a>, AzureError> {
    let what = format!("datastore `{name}`");
    let path = format!("/datastores/{}", encoded(name));
    let found = workspace.find(&what, &path)?.ok_or_else(|| AzureError::Missing {
        what: what.clone(),
        help: "take a name that the page Data of the workspace lists".into(),
    })?;
    let place = Place::of(&what, &found)?;
    let url = place.url();
    let renew = move || access(workspace, &what, &path, &place);
    Container::new(&url, Box::new(renew), &workspace.line)
}

/// Where a datastore lies.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    protocol: String,
    account: String,
    endpoint: String,
    container: String,
    /// Whether users are let in as who they are.
    has_no_secret: bool,
}

impl Place {
    fn of(what: &str, found: &Value) -> Result<Self, AzureError> {
        let properties = &found["properties"];
        let text = |key: &str| properties[key].as_str().filter(|text| !text.is_empty());
        let container = match text("datastoreType") {
            Some("AzureBlob") => text("containerName"),
            Some("AzureDataLakeGen2") => text("filesystem"),
            kind => {
                let kind = kind.unwrap_or("no kind");
                return Err(AzureError::settings(
                    format!("{what} is of kind `{kind}`, which is not read here"),
                    "copy the files to a datastore of kind `AzureBlob` or `AzureDataLakeGen2`",
                ));
            }
        };
        let (Some(account), Some(container)) = (text("accountName"), container) else {
            return Err(AzureError::odd(what, "no account or no container"));
        };
        Ok(Self {
            protocol: text("protocol").unwrap_or("https").to_owned(),
            account: account.to_owned(),
            endpoint: text("endpoint").unwrap_or("core.windows.net").to_owned(),
            container: container.to_owned(),
            has_no_secret: properties["credentials"]["credentialsType"] == "None",
        })
    }

    fn url(&self) -> String {
        let Self { protocol, account, endpoint, container, .. } = self;
        // An emulator on this machine has no names below its own.
        match endpoint.split(':').next() {
            Some("127.0.0.1" | "localhost") => {
                format!("{protocol}://{endpoint}/{account}/{container}")
            }
            _ => format!("{protocol}://{account}.blob.{endpoint}/{container}"),
        }
    }
}

/// What opens the datastore at `path`.
fn access(
    workspace: &Workspace<'_>,
    what: &str,
    path: &str,
    place: &Place,
) -> Result<Access, AzureError> {
    if place.has_no_secret {
        return workspace.storage_token().map(Access::Token);
    }
    let wish = json!({"expirableSecret": true, "expireAfterHours": 1});
    let secrets = workspace.post(what, &format!("{path}/listSecrets"), Some(&wish))?;
    let text = |key: &str| secrets[key].as_str();
    match (text("secretsType"), text("key"), text("sasToken")) {
        (Some("AccountKey"), Some(key), _) => Access::signed(&place.account, key, &place.container),
        (Some("Sas"), _, Some(token)) => {
            Ok(Access::Signature(token.trim_start_matches('?').to_owned()))
        }
        // Whoever may read secrets of a service principal may read its storage as himself.
        (Some("ServicePrincipal" | "Certificate"), ..) => {
            workspace.storage_token().map(Access::Token)
        }
        (kind, ..) => {
            let kind = kind.unwrap_or("no kind").to_owned();
            Err(AzureError::odd(what, format!("a secret of kind `{kind}`")))
        }
    }
}

/// The datastore and the path in it that a model or an output lies at:
/// `azureml://…/datastores/NAME/paths/PATH`.
pub(crate) fn parse(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("azureml://")?;
    let (_, rest) = rest.split_once("datastores/")?;
    let (name, path) = rest.split_once("/paths/")?;
    Some((name, path.trim_matches('/')))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Place, parse};

    fn url(properties: &Value) -> Option<String> {
        Place::of("x", &json!({"properties": properties})).ok().map(|place| place.url())
    }

    #[test]
    fn datastores_say_where_they_lie() {
        let blob = json!({"datastoreType": "AzureBlob", "accountName": "a", "containerName": "c"});
        let with = |key: &str, value: &str| {
            let mut changed = blob.clone();
            changed[key] = value.into();
            changed
        };
        for (properties, expected) in [
            (blob.clone(), Some("https://a.blob.core.windows.net/c")),
            (
                with("endpoint", "core.usgovcloudapi.net"),
                Some("https://a.blob.core.usgovcloudapi.net/c"),
            ),
            (with("endpoint", "127.0.0.1:10000"), Some("https://127.0.0.1:10000/a/c")),
            (
                json!({"datastoreType": "AzureDataLakeGen2", "accountName": "a", "filesystem": "f"}),
                Some("https://a.blob.core.windows.net/f"),
            ),
            (with("datastoreType", "AzureFile"), None),
            (with("containerName", ""), None),
        ] {
            assert_eq!(url(&properties).as_deref(), expected, "{properties}");
        }
    }

    #[test]
    fn addresses_of_files_name_datastore_and_path() {
        let long =
            "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/a/b/";
        for (uri, expected) in [
            ("azureml://datastores/d/paths/a/b", Some(("d", "a/b"))),
            (long, Some(("d", "a/b"))),
            ("azureml://registries/r/models/m/versions/1", None),
            ("https://a.blob.core.windows.net/c/a", None),
        ] {
            assert_eq!(parse(uri), expected, "{uri}");
        }
    }
}
