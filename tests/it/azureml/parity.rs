//! Our requests beside those of Microsoft's own client: their sequence, queries, headers and bodies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use super::cloud::{Asked, Cloud};
use super::{command, on_cloud, playground, run};
use crate::playground::{Playground, Running, signal};

/// Requests that only one of the two sends, and why.
const ONLY_OURS: [(&str, &str); 3] = [
    (
        "GET $WS/computes/gpu-cluster",
        "what is wrong with the compute is told before anything is sent",
    ),
    ("GET $WS/datastores/workspaceblobstore", "there is always a file to send: the call"),
    ("POST $WS/datastores/workspaceblobstore/listSecrets", "the same"),
];
const ONLY_THEIRS: [(&str, &str); 3] = [
    ("POST /history/v1.0$WS/rundata", "where the output lies is said by us, not looked up"),
    ("GET $WS/datastores", "the default datastore has a name that is known"),
    ("GET $WS/jobs/*/op", "how the cancelling goes is told by the job itself"),
];

/// Where requests that both send differ, and why: the request, and what of its body.
const DIFFERENCES: [(&str, &str, &str); 13] = [
    ("PUT $WS/codes/*/versions/1", "/properties/codeUri", "it lies where the service said"),
    (ENVIRONMENT, "/properties/isArchived", "the service's default"),
    (JOB, "/properties/command", "it starts our worker"),
    (JOB, "/properties/displayName", "steps are named like their passes"),
    (JOB, "/properties/environmentVariables", "no secret is in the body of a job"),
    (JOB, "/properties/experimentName", "all steps are runs of one experiment"),
    (JOB, "/properties/inputs/", "models are brought here first, and the call is a file"),
    (JOB, "/properties/isArchived", "the service's default"),
    (JOB, "/properties/outputs/", "its name is ours, and so is its place"),
    (JOB, "/properties/properties", "the service's default"),
    (JOB, "/properties/resources", "one machine, said outright"),
    (JOB, "/properties/services", "the recording has what the service added"),
    (JOB, "/properties/status", "the recording has what the service added"),
];
const ENVIRONMENT: &str = "PUT $WS/environments/CliV2AnonymousEnvironment/versions/*";
const JOB: &str = "PUT $WS/jobs/*";

/// A request without what differs from run to run.
struct Request {
    /// Method and path.
    line: String,
    /// Names in its query, a header that says for whom it is, and its body by pointers.
    facts: BTreeMap<String, String>,
}

impl Request {
    fn new<'a>(
        method: &str,
        target: &str,
        headers: impl Iterator<Item = &'a str>,
        body: &Value,
    ) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let names = query.split('&').filter_map(|pair| pair.split('=').next());
        let names = names.filter(|name| !name.is_empty()).map(|name| format!("?{name}"));
        let headers = headers.filter(|name| *name == "x-azureml-token").map(str::to_owned);
        let mut facts = names.chain(headers).map(|name| (name, String::new())).collect();
        add_facts(body, String::new(), &mut facts);
        Self { line: format!("{method} {}", plain(path)), facts }
    }

    fn of_ours(asked: &Asked) -> Self {
        let headers = asked.headers.keys().map(String::as_str);
        let body = serde_json::from_slice(&asked.content).unwrap_or_default();
        Self::new(&asked.method, &asked.target, headers, &body)
    }

    fn of_theirs(call: &Value) -> Self {
        let text = |key: &str| call[key].as_str().unwrap();
        let headers = call["headers"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
        Self::new(text("method"), text("path"), headers, &call["body"])
    }
}

/// Adds each value below `pointer`, as far as it is the same in every run.
fn add_facts(value: &Value, pointer: String, facts: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(key, item)| add_facts(item, format!("{pointer}/{key}"), facts));
        }
        Value::Null if pointer.is_empty() => {}
        // The contract has only texts, and the client sends a number.
        value if pointer.ends_with("/hash_version") => {
            facts.insert(pointer, value.to_string().replace('"', ""));
        }
        Value::String(text) => drop(facts.insert(pointer, plain(text))),
        value => drop(facts.insert(pointer, value.to_string())),
    }
}

/// A text with names in place of workspaces, ids and digests.
fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(start) = text.find("/subscriptions/") {
        let end = text[start..].split('/').take(9).map(|part| part.len() + 1).sum::<usize>();
        text.replace_range(start..(start + end - 1).min(text.len()), "$WS");
    }
    for start in ["/codes/", "/jobs/", "/runs/", "Environment/versions/"] {
        if let Some((before, after)) = text.split_once(start) {
            let rest = after.find('/').map_or("", |end| &after[end..]);
            text = format!("{before}{start}*{rest}");
        }
    }
    let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest { "*".into() } else { text }
}

/// The first of the requests with each line.
fn firsts(requests: impl Iterator<Item = Request>) -> Vec<Request> {
    let mut found: Vec<Request> = Vec::new();
    for request in requests {
        if !found.iter().any(|known| known.line == request.line) {
            found.push(request);
        }
    }
    found
}

/// Starts a job, and cancels it.
fn cancel(playground: &Playground, cloud: &Cloud) {
    let wait = json!({"type": "Toy", "behavior": "wait", "wait_for": "go"});
    playground.workflow(on_cloud(system(), wait));
    let mut command = command(playground, cloud, &["run", "--config", "@/olive.json"]);
    let mut running = Running::of(&mut command);
    running.line_with("waiting in process ");
    signal("INT", &running.host());
    running.end().check(30, &[]);
}

/// A system like the one that the recorded client asks for.
fn system() -> Value {
    json!({
        "aml_compute": "gpu-cluster",
        "aml_docker_config": {
            "base_image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04",
            "conda_file_path": "conda.yml"
        }
    })
}

/// What the cloud was asked, but for the login: a job that ends, and one that is cancelled.
fn ours() -> Vec<Request> {
    let (cloud, playground) = (Cloud::new(), playground());
    playground.write("conda.yml", "dependencies:\n- python=3.11\nname: x\n");
    playground.workflow(on_cloud(system(), json!({"type": "Toy"})));
    run(&playground, &cloud).check(0, &[]);
    cancel(&playground, &cloud);
    let sent = cloud.state.sent.lock().unwrap();
    let told = sent.iter().filter(|asked| !asked.path.contains("/oauth2/"));
    firsts(told.map(Request::of_ours))
}

fn theirs() -> Vec<Request> {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/azureml/official.json");
    let official: Vec<Value> = serde_json::from_str(&fs::read_to_string(fixture).unwrap()).unwrap();
    firsts(official.iter().map(Request::of_theirs))
}

#[test]
fn requests_are_those_of_the_official_client() {
    let (ours, theirs) = (ours(), theirs());
    let lines = |requests: &[Request], only: &[(&str, &str)]| -> Vec<String> {
        for (line, reason) in only {
            let is_there = requests.iter().any(|request| request.line == *line);
            assert!(is_there, "{line} is no more, which was there because {reason}");
        }
        let lines = requests.iter().map(|request| request.line.clone());
        lines.filter(|line| only.iter().all(|(known, _)| known != line)).collect()
    };
    assert_eq!(lines(&ours, &ONLY_OURS), lines(&theirs, &ONLY_THEIRS));

    let mut known = BTreeSet::new();
    for one in &ours {
        let Some(other) = theirs.iter().find(|other| other.line == one.line) else { continue };
        let facts = one.facts.keys().chain(other.facts.keys());
        for fact in facts.filter(|fact| one.facts.get(*fact) != other.facts.get(*fact)) {
            let is_meant = |(line, start, _): &(&str, &str, &str)| {
                *line == one.line && fact.starts_with(start)
            };
            let place = DIFFERENCES.iter().position(is_meant);
            let values = [one.facts.get(fact), other.facts.get(fact)];
            known.insert(place.unwrap_or_else(|| panic!("{}: {fact}: {values:?}", one.line)));
        }
    }
    let unmet = (0..DIFFERENCES.len()).filter(|place| !known.contains(place));
    let unmet: Vec<_> = unmet.map(|place| DIFFERENCES[place]).collect();
    assert!(unmet.is_empty(), "these are alike: {unmet:?}");
}
