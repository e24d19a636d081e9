//! Who the user is: the chain of credentials, and the tokens they give.
//!
//! No token and no secret is ever told or written to a file.

mod environment;
mod certificate;
mod managed;
mod tool;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::env;

use olive_plugin_api::LogLevel;
use olive_schemas::workflow::AzureMlClient;
use serde_json::Value;

use crate::AzureError;
use crate::line::Line;

/// A way to prove who one is, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Secret,
    Certificate,
    Workload,
    Managed,
    Tool,
    DeveloperTool,
}

impl Way {
    const ALL: [Self; 6] = [
        Self::Secret,
        Self::Certificate,
        Self::Workload,
        Self::Managed,
        Self::Tool,
        Self::DeveloperTool,
    ];

    /// What people call it.
    fn told(self) -> &'static str {
        match self {
            Self::Secret => "the client secret of the environment",
            Self::Certificate => "the client certificate of the environment",
            Self::Workload => "the workload identity",
            Self::Managed => "the managed identity of this machine",
            Self::Tool => "the account of the Azure CLI",
            Self::DeveloperTool => "the account of the Azure Developer CLI",
        }
    }

    /// Option of `default_auth_params` that leaves it out.
    fn excluded_by(self) -> &'static str {
        match self {
            Self::Secret | Self::Certificate => "exclude_environment_credential",
            Self::Workload => "exclude_workload_identity_credential",
            Self::Managed => "exclude_managed_identity_credential",
            Self::Tool => "exclude_cli_credential",
            Self::DeveloperTool => "exclude_developer_cli_credential",
        }
    }
}

/// Options of `default_auth_params` that name ways which are not asked here.
const WITHOUT_EFFECT: [&str; 5] = [
    "exclude_interactive_browser_credential",
    "exclude_powershell_credential",
    "exclude_shared_token_cache_credential",
    "exclude_visual_studio_code_credential",
    "exclude_broker_credential",
];

/// What one way gives: a token, or why it has none.
type Given = Result<Result<String, String>, AzureError>;

/// The chain of credentials of one step.
pub(crate) struct Credential {
    ways: Vec<Way>,
    client_id: Option<String>,
    chosen: RefCell<Option<Way>>,
    tokens: RefCell<BTreeMap<String, String>>,
}

impl Credential {
    /// The chain that `client` asks for.
    ///
    /// # Errors
    /// When it asks for what is not there.
    pub(crate) fn new(client: Option<&AzureMlClient>) -> Result<Self, AzureError> {
        let options = client.and_then(|client| client.default_auth_params.clone());
        let options = options.unwrap_or_default();
        let mut ways = Way::ALL.to_vec();
        let mut client_id = None;
        for (name, value) in &options {
            let excludes = Way::ALL.iter().any(|way| way.excluded_by() == name);
            match (excludes, name.as_str(), value) {
                (true, _, Value::Bool(true)) => ways.retain(|way| way.excluded_by() != name),
                (true, _, Value::Bool(false)) => {}
                (false, "managed_identity_client_id", Value::String(id)) => {
                    client_id = Some(id.clone());
                }
                (false, name, _) if WITHOUT_EFFECT.contains(&name) => {}
                _ => {
                    let mut known = Way::ALL.map(|way| format!("`{}`", way.excluded_by())).to_vec();
                    known.dedup();
                    let known = known.join(", ");
                    return Err(AzureError::settings(
                        format!("`default_auth_params` has `{name}`, which is not followed"),
                        format!("take it out; known are {known}, `managed_identity_client_id`"),
                    ));
                }
            }
        }
        let (chosen, tokens) = (RefCell::default(), RefCell::default());
        Ok(Self { ways, client_id, chosen, tokens })
    }

    /// A token for `scope`, such as `https://ml.azure.com/.default`.
    ///
    /// # Errors
    /// When no credential answers.
    pub(crate) fn token(&self, scope: &str, line: &Line<'_>) -> Result<String, AzureError> {
        if line.rehearsal().is_some() {
            return Ok(String::new());
        }
        if let Some(token) = self.tokens.borrow().get(scope) {
            return Ok(token.clone());
        }
        let chosen = *self.chosen.borrow();
        let mut tried = Vec::new();
        for way in self.ways.iter().copied().filter(|way| chosen.is_none_or(|it| it == *way)) {
            match self.ask(way, scope, line)? {
                Ok(token) => {
                    *self.chosen.borrow_mut() = Some(way);
                    self.tokens.borrow_mut().insert(scope.to_owned(), token.clone());
                    return Ok(token);
                }
                Err(reason) => tried.push(format!("{}: {reason}", way.told())),
            }
        }
        Err(AzureError::NoCredential { tried })
    }

    /// Forgets all tokens: one of them was not accepted.
    pub(crate) fn renew(&self) {
        self.tokens.borrow_mut().clear();
    }

    /// Tells which credential has answered.
    pub(crate) fn tell(&self, line: &Line<'_>) {
        if let Some(way) = *self.chosen.borrow() {
            let message = format!("signed in to Azure by {}", way.told());
            line.ctx().log(LogLevel::Info, message);
        }
    }

    fn ask(&self, way: Way, scope: &str, line: &Line<'_>) -> Given {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
        match way {
            Way::Secret => environment::secret(&variable, scope, line),
            Way::Certificate => environment::certificate(&variable, scope, line),
            Way::Workload => environment::workload(&variable, scope, line),
            Way::Managed => managed::token(&variable, self.client_id.as_deref(), scope, line),
            Way::Tool => tool::AZ.token(scope, line),
            Way::DeveloperTool => tool::AZD.token(scope, line),
        }
    }
}

#[cfg(test)]
mod tests {
    use olive_schemas::workflow::AzureMlClient;
    use serde_json::{Value, json};

    use super::{Credential, Way};

    fn ways(options: &Value) -> Option<Vec<Way>> {
        let client = AzureMlClient {
            default_auth_params: options.as_object().cloned(),
            ..AzureMlClient::default()
        };
        Credential::new(Some(&client)).ok().map(|credential| credential.ways)
    }

    #[test]
    fn options_leave_credentials_out() {
        for (options, expected) in [
            (json!({}), Some(Way::ALL.to_vec())),
            (
                json!({"exclude_managed_identity_credential": true, "exclude_cli_credential": true}),
                Some(vec![Way::Secret, Way::Certificate, Way::Workload, Way::DeveloperTool]),
            ),
            (
                json!({"exclude_environment_credential": true}),
                Some(vec![Way::Workload, Way::Managed, Way::Tool, Way::DeveloperTool]),
            ),
            (
                json!({"exclude_developer_cli_credential": true}),
                Some(Way::ALL[..Way::ALL.len() - 1].to_vec()),
            ),
            (json!({"exclude_environment_credential": false}), Some(Way::ALL.to_vec())),
            (json!({"exclude_interactive_browser_credential": true}), Some(Way::ALL.to_vec())),
            (json!({"managed_identity_client_id": "x"}), Some(Way::ALL.to_vec())),
            (json!({"exclude_everything": true}), None),
            (json!({"exclude_cli_credential": "yes"}), None),
        ] {
            assert_eq!(ways(&options.clone()), expected, "{options}");
        }
    }
}
