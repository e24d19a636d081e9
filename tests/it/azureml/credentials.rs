//! Who the user is: each way of the chain, and what is never told of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::cloud::{ASSERTION, Cloud, IDENTITY, TOKEN};
use super::{client, on_cloud, playground};
use crate::playground::{Playground, Said};

/// Variables of a client secret.
const OF_SECRET: [&str; 3] = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"];

/// Runs a step with these variables in place of those of a client secret, and these options of
/// `default_auth_params`; nothing of it tells a secret.
fn run(playground: &Playground, cloud: &Cloud, variables: &[(&str, String)], auth: Value) -> Said {
    let mut workflow = on_cloud(json!({}), json!({"type": "Toy"}));
    let mut named = client();
    named["default_auth_params"] = auth;
    workflow["azureml_client"] = named;
    playground.workflow(workflow);
    let args = ["run", "--config", "@/olive.json", "--log-level", "debug"];
    let mut command = super::command(playground, cloud, &args);
    for name in OF_SECRET {
        command.env_remove(name);
    }
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let said = Said::from(command.output().unwrap());
    super::check_secrets(&playground.path(""), &said);
    said
}

#[test]
fn a_workload_shows_the_token_of_its_file() {
    let (cloud, playground) = (Cloud::new(), playground());
    let file = cloud.state.folder.path().join("assertion");
    fs::write(&file, format!("{ASSERTION}\n")).unwrap();
    let variables = [
        ("AZURE_TENANT_ID", "tenant".to_owned()),
        ("AZURE_CLIENT_ID", "client".to_owned()),
        ("AZURE_FEDERATED_TOKEN_FILE", file.display().to_string()),
    ];
    let said = run(&playground, &cloud, &variables, json!({}));
    said.check(0, &["signed in to Azure by the workload identity", "job `olive-"]);
}

#[test]
fn a_machine_of_the_cloud_has_an_identity() {
    let (cloud, playground) = (Cloud::new(), playground());
    let variables = [
        ("IDENTITY_ENDPOINT", format!("{}/identity", cloud.state.url())),
        ("IDENTITY_HEADER", IDENTITY.to_owned()),
    ];
    let auth = json!({"managed_identity_client_id": "one-of-several"});
    let said = run(&playground, &cloud, &variables, auth);
    said.check(0, &["signed in to Azure by the managed identity of this machine", "job `olive-"]);
    let sent = cloud.state.sent.lock().unwrap();
    let asked = sent.iter().find(|asked| asked.path == "/identity").unwrap();
    assert_eq!(asked.query["client_id"], "one-of-several");
}

#[test]
fn tools_of_azure_are_asked_last() {
    for (tool, arguments, key, told) in [
        ("az", "account get-access-token --output json --scope", "accessToken", "the Azure CLI"),
        ("azd", "auth token --output json --scope", "token", "the Azure Developer CLI"),
    ] {
        let (cloud, playground) = (Cloud::new(), playground());
        let script = format!(
            "#!/bin/sh\n\
             for scope; do :; done\n\
             [ \"$*\" = \"{arguments} $scope\" ] || exit 2\n\
             echo \"{{\\\"{key}\\\": \\\"{TOKEN}$scope\\\"}}\"\n"
        );
        // Among the programs, where no secret is looked for.
        let place = format!("bin/tools/{tool}");
        playground.write(&place, &script);
        let file = playground.path(&place);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", file.parent().unwrap().display());
        let mut auth = json!({"exclude_managed_identity_credential": true});
        auth["exclude_cli_credential"] = (tool != "az").into();
        let said = run(&playground, &cloud, &[("PATH", path)], auth);
        said.check(0, &[&format!("signed in to Azure by the account of {told}"), "job `olive-"]);
    }
}

#[test]
fn whoever_has_no_credential_is_told_of_each() {
    let (cloud, playground) = (Cloud::new(), playground());
    let auth = json!({
        "exclude_managed_identity_credential": true, "exclude_cli_credential": true,
        "exclude_developer_cli_credential": true
    });
    let said = run(&playground, &cloud, &[], auth);
    let parts = [
        "no credential for Azure answered",
        "`AZURE_CLIENT_SECRET` are not set",
        "`AZURE_FEDERATED_TOKEN_FILE` is not set",
        "sign in by `az login`",
    ];
    said.check(20, &parts);
    assert!(!said.err.contains("the Azure CLI:"), "{}", said.err);
}
