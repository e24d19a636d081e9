//! Pulls from a registry that misbehaves, and from one that wants to know who asks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use olive_transport::oci::{self, Pulled};
use olive_transport::{Request, TransportError};
use serde_json::{Value, json};

use crate::server::{Manner, Server, dead_port};
use crate::sha256;

const SIGNATURE: &str = "untrusted comment: x\n";

/// A registry with a pack at `acme/prune:1.0`.
struct Registry {
    server: Server,
    content: Vec<u8>,
    manifest: Value,
}

impl Registry {
    fn new() -> Self {
        let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let layer = |kind: &str, content: &[u8]| {
            json!({
                "mediaType": kind,
                "digest": format!("sha256:{}", sha256(content)),
                "size": content.len(),
            })
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": oci::ARTIFACT_TYPE,
            "config": layer("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [
                layer(oci::PACK_LAYER, &content),
                layer(oci::SIGNATURE_LAYER, SIGNATURE.as_bytes()),
            ],
        });
        let registry = Self { server: Server::http(), content, manifest };
        registry.manifest(&registry.manifest, Manner::Honest);
        registry.archive(&registry.content, Manner::Honest);
        registry.signature(SIGNATURE.as_bytes());
        registry
    }

    fn manifest(&self, manifest: &Value, manner: Manner) {
        self.server.serve("/v2/acme/prune/manifests/1.0", manifest.to_string().as_bytes(), manner);
    }

    fn archive(&self, content: &[u8], manner: Manner) {
        self.server.serve(&Self::blob(&self.content), content, manner);
    }

    fn signature(&self, content: &[u8]) {
        self.server.serve(&Self::blob(SIGNATURE.as_bytes()), content, Manner::Honest);
    }

    fn blob(content: &[u8]) -> String {
        format!("/v2/acme/prune/blobs/sha256:{}", sha256(content))
    }

    fn reference(&self) -> String {
        self.server.url("/acme/prune:1.0").replace("http://", "oci://")
    }

    #[track_caller]
    fn check_pulled(&self) {
        let folder = tempfile::tempdir().unwrap();
        let pulled = pull(&self.reference(), folder.path()).unwrap();
        assert_eq!(fs::read(pulled.archive.path).unwrap(), self.content);
        assert_eq!(pulled.signature.as_deref(), Some(SIGNATURE));
        let digest = sha256(self.manifest.to_string().as_bytes());
        let pinned = self.reference().replace(":1.0", "");
        assert_eq!(pulled.pinned, format!("{pinned}@sha256:{digest}"));
    }

    #[track_caller]
    fn check_refused(&self, said: &str) {
        let folder = tempfile::tempdir().unwrap();
        let error = pull(&self.reference(), folder.path()).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains(&self.reference()), "{error}");
        assert!(!folder.path().join("x.pack").exists());
    }
}

/// Pulls with patience for a busy machine.
fn pull(reference: &str, folder: &Path) -> Result<Pulled, TransportError> {
    pull_within(Duration::from_secs(20), reference, folder)
}

fn pull_within(
    patience: Duration,
    reference: &str,
    folder: &Path,
) -> Result<Pulled, TransportError> {
    oci::pull(reference, &folder.join("x.pack"), &request(patience, folder))
}

fn request(patience: Duration, folder: &Path) -> Request<'static> {
    Request {
        limit: 10_000_000,
        sha256: None,
        bearer: None,
        partial_dir: folder.join("partial"),
        patience,
        on_progress: &|_, _| {},
        is_cancelled: &|| false,
    }
}

#[test]
fn a_pack_comes_with_its_signature() {
    Registry::new().check_pulled();
}

#[test]
fn an_archive_that_breaks_off_goes_on_where_it_stopped() {
    let registry = Registry::new();
    registry.archive(&registry.content, Manner::Breaks(500_000));
    registry.check_pulled();
    assert!(registry.server.requests()[3].ends_with(" from 500000"));
}

#[test]
fn what_a_registry_says_is_not_believed() {
    let registry = Registry::new();
    registry.archive(&vec![7; 800_000], Manner::Honest);
    registry.check_refused("its SHA-256 is `");
    registry.archive(b"short", Manner::Honest);
    registry.check_refused("5 bytes, not 800000");
    registry.archive(&vec![7; 900_000], Manner::Honest);
    registry.check_refused("more than 800000 bytes");
    registry.archive(b"", Manner::Endless);
    registry.check_refused("more than 800000 bytes");

    registry.signature(b"another signature");
    registry.check_refused("its signature has another SHA-256");
    registry.signature(&vec![b'x'; 100_000]);
    registry.check_refused("more than the 16384 bytes");

    registry.manifest(&json!({"schemaVersion": 2, "manifests": []}), Manner::Honest);
    registry.check_refused("is no pack: it has no manifest of a single artifact");
    registry.manifest(&json!({}), Manner::Endless);
    registry.check_refused("more than the 4194304 bytes");
    registry.manifest(&json!({}), Manner::Silent);
    let folder = tempfile::tempdir().unwrap();
    let silent = pull_within(Duration::from_millis(300), &registry.reference(), folder.path());
    let said = silent.unwrap_err().to_string();
    assert!(said.contains("sent nothing for 1 s"), "{said}");

    let mut other = registry.manifest.clone();
    other["artifactType"] = json!("application/vnd.example.chart");
    registry.manifest(&other, Manner::Honest);
    registry.check_refused("its type is `application/vnd.example.chart`");
    other = registry.manifest.clone();
    other["layers"][0]["size"] = json!(100_000_000);
    registry.manifest(&other, Manner::Honest);
    registry.check_refused("more than the 10000000 bytes");
}

#[test]
fn a_manifest_must_have_the_digest_it_is_asked_for() {
    let registry = Registry::new();
    let path = format!("/v2/acme/prune/manifests/sha256:{}", sha256(b"asked for"));
    registry.server.serve(&path, registry.manifest.to_string().as_bytes(), Manner::Honest);
    let reference = registry.reference().replace(":1.0", "");
    let reference = format!("{reference}@sha256:{}", sha256(b"asked for"));
    let folder = tempfile::tempdir().unwrap();
    let said = pull(&reference, folder.path()).unwrap_err().to_string();
    assert!(said.contains("its manifest has another digest"), "{said}");
}

#[test]
fn a_registry_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let reference = format!("oci://127.0.0.1:{}/acme/prune", dead_port());
    let said = pull(&reference, folder.path()).unwrap_err().to_string();
    assert!(said.starts_with(&format!("cannot reach `{reference}`")), "{said}");
    let registry = Registry::new();
    let reference = registry.reference().replace("1.0", "2.0");
    let said = pull(&reference, folder.path()).unwrap_err().to_string();
    assert_eq!(said, format!("`{reference}` answers 404 Not Found"));
}

#[test]
fn a_token_is_fetched_where_the_registry_says() {
    let registry = Registry::new();
    registry.server.serve("/token", br#"{"token": "abc"}"#, Manner::Honest);
    let challenge = format!(
        r#"Bearer realm="{}",service="r.example",scope="repository:acme/prune:pull""#,
        registry.server.url("/token")
    );
    let guarded = Manner::Guarded(challenge, "Bearer abc");
    registry.manifest(&registry.manifest, guarded.clone());
    // The archive lies on another host, which must not learn the token.
    let store = Server::http();
    store.serve("/archive", &registry.content, Manner::Honest);
    registry.archive(&registry.content, Manner::Redirects(store.url("/archive")));
    registry.check_pulled();
    let requests = registry.server.requests();
    let scope = "service=r.example&scope=repository%3Aacme%2Fprune%3Apull";
    assert_eq!(requests[1], format!("/token?{scope}"));
    assert_eq!(requests[2], "/v2/acme/prune/manifests/1.0 by Bearer abc");
    assert!(requests[4].ends_with(" by Bearer abc"));
    assert_eq!(store.requests(), ["/archive"]);

    registry.server.serve("/token", br#"{"token": "wrong"}"#, Manner::Honest);
    registry.check_refused("answers 401 Unauthorized");
    registry.server.serve("/token", b"{}", Manner::Honest);
    registry.check_refused("its token server gives no token");
    registry.server.serve("/token", b"", Manner::Endless);
    registry.check_refused("more than the 1048576 bytes");
    let away = r#"Bearer realm="http://token.example/""#.to_owned();
    registry.manifest(&registry.manifest, Manner::Guarded(away, "Bearer abc"));
    let folder = tempfile::tempdir().unwrap();
    let said = pull(&registry.reference(), folder.path()).unwrap_err().to_string();
    assert!(said.contains("use https"), "{said}");
}

#[test]
fn a_token_of_the_request_is_shown_before_it_is_asked_for() {
    let registry = Registry::new();
    registry.manifest(&registry.manifest, Manner::Guarded(String::new(), "Bearer abc"));
    let folder = tempfile::tempdir().unwrap();
    let request = request(Duration::from_secs(20), folder.path());
    let request = Request { bearer: Some("abc"), ..request };
    oci::pull(&registry.reference(), &folder.path().join("x.pack"), &request).unwrap();
    assert_eq!(registry.server.requests()[0], "/v2/acme/prune/manifests/1.0 by Bearer abc");
}

/// What `docker login` has left is found through the environment of a process.
#[test]
fn credentials_of_the_user_are_shown_to_the_registry() {
    let registry = Registry::new();
    let host = registry.reference()["oci://".len()..].split('/').next().unwrap().to_owned();
    registry.server.serve("/token", br#"{"access_token": "abc"}"#, Manner::Honest);
    let bearer = format!(r#"Bearer realm="{}",service="s""#, registry.server.url("/token"));
    let basic = r#"Basic realm="Registry""#.to_owned();
    let by_password = json!({"auths": {&host: {"auth": "bWU6c2VjcmV0"}}});
    let by_token = json!({"auths": {&host: {"identitytoken": "id&1"}}});
    let by_helper = json!({"credHelpers": {&host: "olive-test"}});
    let by_no_helper = json!({"credsStore": "olive-none"});
    let scope = "repository%3Aacme%2Fprune%3Apull";

    let check = |config: &Value, challenge: &str, by, said: &str, token: Option<String>| {
        registry.manifest(&registry.manifest, Manner::Guarded(challenge.into(), by));
        let before = registry.server.requests().len();
        let out = pull_in_a_process(&registry.reference(), config);
        assert!(out.contains(said), "{config}\n{out}");
        let asked = registry.server.requests().split_off(before);
        assert_eq!(asked.into_iter().find(|told| told.starts_with("/token")), token);
    };
    let good = "pulled 800000 bytes";
    check(&by_password, &basic, "Basic bWU6c2VjcmV0", good, None);
    check(&by_helper, &basic, "Basic YTpi", good, None);
    check(&json!({}), &basic, "Basic bWU6c2VjcmV0", "answers 401 Unauthorized", None);
    check(&by_no_helper, &basic, "", "`docker-credential-olive-none` cannot be run", None);

    let asked = format!("/token?service=s&scope={scope}");
    let signed = Some(format!("{asked} by Basic bWU6c2VjcmV0"));
    check(&by_password, &bearer, "Bearer abc", good, signed);
    check(&by_no_helper, &bearer, "Bearer abc", good, Some(asked.clone()));
    let said = "`docker-credential-olive-none` cannot be run";
    check(&by_no_helper, &bearer, "Bearer xyz", said, Some(asked));
    let form = "grant_type=refresh_token&client_id=olive&service=s";
    let form = format!("/token with {form}&scope={scope}&refresh_token=id%261");
    check(&by_token, &bearer, "Bearer abc", good, Some(form));
}

fn pull_in_a_process(reference: &str, config: &Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let path = helper(folder.path());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "oci::pull_as_the_environment_says", "--nocapture"])
        .env("OLIVE_TEST_REFERENCE", reference)
        .env("DOCKER_CONFIG", folder.path())
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// A keeper of passwords that knows the user `a`; gives the search path with it.
fn helper(folder: &Path) -> std::ffi::OsString {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let program = folder.join("docker-credential-olive-test");
        let script = "#!/bin/sh\nread host\n\
                      echo \"{\\\"ServerURL\\\":\\\"$host\\\",\\\"Username\\\":\\\"a\\\",\\\"Secret\\\":\\\"b\\\"}\"\n";
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).collect::<Vec<PathBuf>>();
    std::env::join_paths([folder.to_owned()].into_iter().chain(folders)).unwrap()
}

/// Is of use only when another test runs it, in a process of its own.
#[test]
fn pull_as_the_environment_says() {
    let Ok(reference) = std::env::var("OLIVE_TEST_REFERENCE") else { return };
    let folder = tempfile::tempdir().unwrap();
    match pull(&reference, folder.path()) {
        Ok(pulled) => println!("pulled {} bytes", pulled.archive.size),
        Err(error) => println!("{error}"),
    }
}
