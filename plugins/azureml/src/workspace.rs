//! A workspace, and the calls to its service.

use std::env;
use std::fs;

use olive_plugin_api::StepContext;
use olive_schemas::workflow::AzureMlClient;
use olive_transport::Answer;
use serde_json::Value;

use crate::AzureError;
use crate::credential::Credential;
use crate::line::{Asked, Line, Rehearsal, accepted, json};
use crate::text::encoded;

/// The resource manager, unless [`ENDPOINT_VARIABLE`] names another.
const ENDPOINT: &str = "https://management.azure.com";
/// Variable with the address of the resource manager of another cloud.
const ENDPOINT_VARIABLE: &str = "OLIVE_AZURE_RESOURCE_MANAGER";
/// Version of the service that all calls name.
const VERSION: &str = "2024-10-01";
/// Who tokens for the service itself are for.
const SERVICE: &str = "https://ml.azure.com/.default";

/// A workspace, as one step speaks to it.
pub(crate) struct Workspace<'a> {
    /// Its id in the resource manager, from `/subscriptions/` on.
    pub(crate) id: String,
    /// Key vault of its secrets.
    pub(crate) vault: Option<String>,
    /// How services are asked.
    pub(crate) line: Line<'a>,
    /// Who asks.
    pub(crate) credential: Credential,
    endpoint: String,
}

impl<'a> Workspace<'a> {
    /// The workspace that `client` names.
    ///
    /// # Errors
    /// When it names none, or cannot be followed.
    pub(crate) fn new(
        client: Option<&AzureMlClient>,
        ctx: &'a StepContext<'a>,
    ) -> Result<Self, AzureError> {
        Ok(Self { id: id(client)?, ..Self::without(client, ctx)? })
    }

    /// The same, which is told everything and sends nothing.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(crate) fn rehearsing(
        client: Option<&AzureMlClient>,
        ctx: &'a StepContext<'a>,
    ) -> Result<Self, AzureError> {
        let line = Line::new(client, Some(Rehearsal::default()), ctx)?;
        Ok(Self { line, ..Self::new(client, ctx)? })
    }

    /// Services alone, as `client` says they are asked.
    ///
    /// # Errors
    /// When that cannot be followed.
    pub(crate) fn without(
        client: Option<&AzureMlClient>,
        ctx: &'a StepContext<'a>,
    ) -> Result<Self, AzureError> {
        let endpoint = env::var(ENDPOINT_VARIABLE).unwrap_or_else(|_| ENDPOINT.to_owned());
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        if !endpoint.starts_with("https://") {
            return Err(AzureError::settings(
                format!("`{ENDPOINT_VARIABLE}` is `{endpoint}`, which is not https"),
                "name an address that begins with `https://`, or unset the variable",
            ));
        }
        Ok(Self {
            id: String::new(),
            vault: client.and_then(|client| client.keyvault_name.clone()),
            line: Line::new(client, None, ctx)?,
            credential: Credential::new(client)?,
            endpoint,
        })
    }

    /// What is at `path` below the workspace (`/computes/x`), which errors call `what`; none when
    /// there is nothing.
    ///
    /// # Errors
    /// When it cannot be asked, or refuses.
    pub(crate) fn find(&self, what: &str, path: &str) -> Result<Option<Value>, AzureError> {
        self.document(what, &self.url(path))
    }

    /// Puts `body` at `path`; with `has_user`, the service may act for the user.
    ///
    /// # Errors
    /// When it cannot be asked, or refuses.
    pub(crate) fn put(
        &self,
        what: &str,
        path: &str,
        body: &Value,
        has_user: bool,
    ) -> Result<Value, AzureError> {
        let url = self.url(path);
        let mut asked = Asked::new(what, "PUT", &url).content("application/json", body.to_string());
        if has_user {
            let token = self.credential.token(SERVICE, &self.line)?;
            asked = asked.header("x-azureml-token", token);
        }
        self.answer(asked)
    }

    /// Posts `body`, or nothing, to `path`.
    ///
    /// # Errors
    /// When it cannot be asked, or refuses.
    pub(crate) fn post(
        &self,
        what: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, AzureError> {
        self.post_to(what, &self.url(path), body)
    }

    /// Puts `body` at `path`, or removes what is there when there is none; gives the whole answer,
    /// whose headers may name the operation that it begins.
    ///
    /// # Errors
    /// When it cannot be asked, or refuses.
    pub(crate) fn change(
        &self,
        what: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, AzureError> {
        let url = self.url(path);
        self.accepted(match body {
            Some(body) => {
                Asked::new(what, "PUT", &url).content("application/json", body.to_string())
            }
            None => Asked::new(what, "DELETE", &url),
        })
    }

    /// Whether an address that a service tells is one of the resource manager, which may see the
    /// token.
    pub(crate) fn is_below(&self, url: &str) -> bool {
        url.strip_prefix(&self.endpoint).is_some_and(|path| path.starts_with('/'))
    }

    /// The same as [`Self::post`] to an address of any service that takes the tokens of the resource manager.
    ///
    /// # Errors
    /// When it cannot be asked, or refuses.
    pub(crate) fn post_to(
        &self,
        what: &str,
        url: &str,
        body: Option<&Value>,
    ) -> Result<Value, AzureError> {
        let asked = Asked::new(what, "POST", url);
        self.answer(match body {
            Some(body) => asked.content("application/json", body.to_string()),
            // A post without a length is refused on the way.
            None => asked.content("application/json", ""),
        })
    }

    /// The JSON at an address of such a service; none when there is nothing.
    ///
    /// # Errors
    /// When it cannot be asked, or refuses.
    pub(crate) fn document(&self, what: &str, url: &str) -> Result<Option<Value>, AzureError> {
        match self.answer(Asked::new(what, "GET", url)) {
            Err(AzureError::Refused { status: 404, .. }) => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// A token for the storage of the workspace.
    ///
    /// # Errors
    /// When no credential answers.
    pub(crate) fn storage_token(&self) -> Result<String, AzureError> {
        self.credential.token("https://storage.azure.com/.default", &self.line)
    }

    fn answer(&self, asked: Asked<'_>) -> Result<Value, AzureError> {
        let what = asked.what;
        json(what, &self.accepted(asked)?)
    }

    fn accepted(&self, mut asked: Asked<'_>) -> Result<Answer, AzureError> {
        if !asked.url.starts_with("https://") {
            let reason = format!("its address `{}` is not https", asked.url);
            return Err(AzureError::odd(asked.what, reason));
        }
        let scope = format!("{}/.default", self.endpoint);
        let headers = asked.headers.len();
        let mut is_new = false;
        loop {
            let token = self.credential.token(&scope, &self.line)?;
            asked.headers.truncate(headers);
            asked.headers.push(("authorization".into(), format!("Bearer {token}")));
            let answer = self.line.send(&asked)?;
            if answer.status != 401 || is_new {
                return accepted(asked.what, answer);
            }
            self.credential.renew();
            is_new = true;
        }
    }

    fn url(&self, path: &str) -> String {
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{}{}{path}{joint}api-version={VERSION}", self.endpoint, self.id)
    }
}

/// Id of the workspace that `client`, or the file it names, says.
fn id(client: Option<&AzureMlClient>) -> Result<String, AzureError> {
    let client = client.cloned().unwrap_or_default();
    let file = match &client.aml_config_path {
        Some(path) => read(path)?,
        None => Value::Null,
    };
    let part = |key: &str, written: &Option<String>| {
        let named = file.get(key).and_then(Value::as_str).or(written.as_deref());
        named.map(encoded).ok_or_else(|| {
            AzureError::settings(
                format!("no workspace is named: `azureml_client` has no `{key}`"),
                "add `azureml_client` with `subscription_id`, `resource_group` and \
                 `workspace_name` at the root",
            )
        })
    };
    let subscription = part("subscription_id", &client.subscription_id)?;
    let group = part("resource_group", &client.resource_group)?;
    let name = part("workspace_name", &client.workspace_name)?;
    Ok(format!(
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/\
         Microsoft.MachineLearningServices/workspaces/{name}"
    ))
}

fn read(path: &str) -> Result<Value, AzureError> {
    let text = fs::read_to_string(path).map_err(AzureError::io("read", path))?;
    serde_json::from_str(&text).map_err(|error| {
        AzureError::settings(
            format!("`{path}`, which `aml_config_path` names, is no JSON: {error}"),
            "download it again from the workspace's page",
        )
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use olive_schemas::workflow::AzureMlClient;

    use super::id;

    #[test]
    fn a_file_wins_over_the_settings_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        fs::write(&path, r#"{"subscription_id": "s", "resource_group": "g 2"}"#).unwrap();
        let client = AzureMlClient {
            resource_group: Some("g".into()),
            workspace_name: Some("w".into()),
            aml_config_path: Some(path.to_str().unwrap().into()),
            ..AzureMlClient::default()
        };
        let expected = "/subscriptions/s/resourceGroups/g%202/providers/\
                        Microsoft.MachineLearningServices/workspaces/w";
        assert_eq!(id(Some(&client)).unwrap(), expected);
        let lacking = AzureMlClient { aml_config_path: None, ..client };
        let said = id(Some(&lacking)).unwrap_err().to_string();
        assert!(said.contains("`subscription_id`"), "{said}");
        assert!(id(None).is_err());
    }
}
