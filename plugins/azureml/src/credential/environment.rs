//! Credentials that the environment holds: a client secret, a client certificate, or the token of a
//! workload.

use std::fs;
use std::time::SystemTime;

use super::certificate::{Assertion, Certificate};
use super::{Given, Way};
use crate::AzureError;
use crate::line::{Asked, Line, json, said};
use crate::text::{encoded, form, random};

/// The login service, unless `AZURE_AUTHORITY_HOST` names another.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// What the proof of a client is, when it is a signed text.
const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A token for a client that knows its secret.
pub(super) fn secret(variable: Variable<'_>, scope: &str, line: &Line<'_>) -> Given {
    let names = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"];
    let [Some(tenant), Some(client), Some(secret)] = names.map(variable) else {
        let reason = "`AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET` are not set";
        return Ok(Err(reason.into()));
    };
    let proof = [("client_secret", secret.as_str())];
    let login = Login { variable, tenant: &tenant, client: &client, way: Way::Secret };
    login.token(scope, &proof, line).map(Ok)
}

/// A token for a client that has the key of a certificate.
pub(super) fn certificate(variable: Variable<'_>, scope: &str, line: &Line<'_>) -> Given {
    let names = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_CERTIFICATE_PATH"];
    let [Some(tenant), Some(client), Some(file)] = names.map(variable) else {
        return Ok(Err("`AZURE_CLIENT_CERTIFICATE_PATH` is not set".into()));
    };
    let text = fs::read_to_string(&file).map_err(AzureError::io("read", &file))?;
    let password = variable("AZURE_CLIENT_CERTIFICATE_PASSWORD");
    let certificate = Certificate::parse(&file, &text, password.as_deref())?;
    let login = Login { variable, tenant: &tenant, client: &client, way: Way::Certificate };
    let sends_chain = variable("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN");
    let assertion = certificate.assertion(&Assertion {
        audience: &login.url()?,
        client: &client,
        id: &random()?,
        now: SystemTime::now(),
        has_chain: sends_chain.is_some_and(|word| ["1", "true"].contains(&&*word.to_lowercase())),
    })?;
    login
        .token(scope, &[("client_assertion_type", BEARER), ("client_assertion", &assertion)], line)
        .map(Ok)
}

/// A token for a workload, whose own token lies in a file.
pub(super) fn workload(variable: Variable<'_>, scope: &str, line: &Line<'_>) -> Given {
    let names = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"];
    let [Some(tenant), Some(client), Some(file)] = names.map(variable) else {
        return Ok(Err("`AZURE_FEDERATED_TOKEN_FILE` is not set".into()));
    };
    let assertion = fs::read_to_string(&file).map_err(AzureError::io("read", &file))?;
    let proof = [("client_assertion_type", BEARER), ("client_assertion", assertion.trim())];
    let login = Login { variable, tenant: &tenant, client: &client, way: Way::Workload };
    login.token(scope, &proof, line).map(Ok)
}

/// A client that signs in.
struct Login<'a> {
    variable: Variable<'a>,
    tenant: &'a str,
    client: &'a str,
    way: Way,
}

impl Login<'_> {
    /// Where it signs in.
    fn url(&self) -> Result<String, AzureError> {
        let authority = (self.variable)("AZURE_AUTHORITY_HOST");
        let authority = authority.unwrap_or_else(|| AUTHORITY.to_owned());
        if !authority.starts_with("https://") {
            return Err(AzureError::settings(
                format!("`AZURE_AUTHORITY_HOST` is `{authority}`, which is not https"),
                "name an address that begins with `https://`, or unset the variable",
            ));
        }
        let authority = authority.trim_end_matches('/');
        Ok(format!("{authority}/{}/oauth2/v2.0/token", encoded(self.tenant)))
    }

    fn token(
        &self,
        scope: &str,
        proof: &[(&str, &str)],
        line: &Line<'_>,
    ) -> Result<String, AzureError> {
        let url = self.url()?;
        let mut pairs = vec![
            ("grant_type", "client_credentials"),
            ("client_id", self.client),
            ("scope", scope),
        ];
        pairs.extend(proof);
        let what = "the login service of Azure";
        let asked = Asked::new(what, "POST", &url)
            .content("application/x-www-form-urlencoded", form(&pairs));
        let answer = line.send(&asked)?;
        if answer.status != 200 {
            let reason = said(&answer).unwrap_or_else(|| answer.status.to_string());
            return Err(AzureError::Credential { credential: self.way.told(), reason });
        }
        let token = json(what, &answer)?["access_token"].as_str().map(str::to_owned);
        token.ok_or_else(|| AzureError::odd(what, "no `access_token`"))
    }
}
