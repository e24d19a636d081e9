//! Who the user is to a registry: what `docker login` has left.
//!
//! `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`, names a program that keeps the
//! password (`credHelpers`, `credsStore`), or holds it itself (`auths`).

use std::collections::HashMap;
use std::env;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ct_codecs::{Base64, Decoder};
use serde::Deserialize;

use crate::TransportError;

/// Longest wait for the program that keeps passwords.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest wait for what it has said when it has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What proves who the user is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    /// User name and password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A token that a registry's token server changes for one that works.
    IdentityToken(String),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DockerConfig {
    auths: HashMap<String, Entry>,
    creds_store: Option<String>,
    cred_helpers: HashMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    identitytoken: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    username: String,
    secret: String,
}

/// The credentials for `host`; `None` when the user has none.
pub(super) fn find(
    host: &str,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Option<Credentials>, TransportError> {
    let Some(path) = config_path() else { return Ok(None) };
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TransportError::file("read", path)(error)),
        Ok(text) => look_up(&text, host, is_cancelled).map_err(|reason| match reason {
            None => TransportError::Cancelled,
            Some(reason) => TransportError::Credentials {
                registry: host.into(),
                reason: format!("{reason}, as `{}` asks for it", path.display()),
            },
        }),
    }
}

fn config_path() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("DOCKER_CONFIG")
        .or_else(|| Some(variable("HOME").or_else(|| variable("USERPROFILE"))?.join(".docker")))?;
    Some(folder.join("config.json"))
}

/// The credentials that the configuration `text` has for `host`; why not, or `None` when the user
/// wants to stop.
fn look_up(
    text: &str,
    host: &str,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Option<Credentials>, Option<String>> {
    let config: DockerConfig = serde_json::from_str(text)
        .map_err(|error| Some(format!("the configuration is none ({error})")))?;
    // Docker Hub goes by an old name there.
    let key = if host == "docker.io" { "https://index.docker.io/v1/" } else { host };
    if let Some(helper) = config.cred_helpers.get(host).or(config.creds_store.as_ref())
        && let Some(kept) = ask(helper, key, is_cancelled)?
    {
        return Ok(Some(kept));
    }
    let keys = [key.to_owned(), format!("https://{key}"), format!("https://{key}/v1/")];
    match keys.iter().find_map(|key| config.auths.get(key)) {
        Some(entry) => written(entry).map_err(Some),
        None => Ok(None),
    }
}

fn written(entry: &Entry) -> Result<Option<Credentials>, String> {
    if !entry.identitytoken.is_empty() {
        return Ok(Some(Credentials::IdentityToken(entry.identitytoken.clone())));
    }
    if entry.auth.is_empty() {
        return Ok(None);
    }
    let decoded = Base64::decode_to_vec(entry.auth.trim(), None).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    let Some((user, password)) = pair else {
        return Err("its `auth` is not `user:password` in base64".into());
    };
    let password = password.trim_end_matches('\0').to_owned();
    Ok(Some(Credentials::Password { user: user.to_owned(), password }))
}

/// Asks `docker-credential-<helper> get`, whose answer is JSON.
fn ask(
    helper: &str,
    key: &str,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Option<Credentials>, Option<String>> {
    let program = format!("docker-credential-{helper}");
    let is_name = helper.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !is_name {
        return Err(Some(format!("`{program}` is no program's name")));
    }
    let failed = |reason: String| Some(format!("`{program}` {reason}"));
    let start = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = start.map_err(|error| failed(format!("cannot be run ({error})")))?;
    let (is_good, said) = match talk(&mut child, key, is_cancelled) {
        Ok(said) => said,
        Err(reason) => {
            let _ = child.kill();
            let _ = child.wait();
            return Err(reason.and_then(&failed));
        }
    };
    if !is_good {
        // It says so for a registry that the user has not signed in to.
        let is_unknown = said.contains("credentials not found");
        return if is_unknown { Ok(None) } else { Err(failed("fails".into())) };
    }
    let kept: Kept = serde_json::from_str(&said).map_err(|_| failed("answers no JSON".into()))?;
    Ok(Some(match kept.username.as_str() {
        "<token>" => Credentials::IdentityToken(kept.secret),
        _ => Credentials::Password { user: kept.username, password: kept.secret },
    }))
}

/// Whether the program ends well, and what it says.
fn talk(
    child: &mut Child,
    key: &str,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<(bool, String), Option<String>> {
    if let Some(mut input) = child.stdin.take() {
        // One that has ended already is told by its exit code.
        let _ = input.write_all(key.as_bytes());
    }
    let output = child.stdout.take();
    let (says, said) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = output.map(|output| output.take(1 << 20).read_to_string(&mut text));
        // Nobody listens any more when it was too late.
        read.map(|_| says.send(text))
    });
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                // A child of its own may keep the pipe open.
                let said = said.recv_timeout(LAST_WORDS).unwrap_or_default();
                return Ok((status.success(), said));
            }
            Ok(None) if is_cancelled() => return Err(None),
            Ok(None) if start.elapsed() > PATIENCE => {
                return Err(Some(format!("says nothing for {} s", PATIENCE.as_secs())));
            }
            Ok(None) => thread::sleep(Duration::from_millis(10)),
            Err(error) => return Err(Some(format!("cannot be waited for ({error})"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Credentials, look_up};

    fn check(config: &str, host: &str, found: Result<Option<Credentials>, &str>) {
        match (look_up(config, host, &|| false), found) {
            (Ok(is), Ok(should)) => assert_eq!(is, should, "{config}"),
            (Err(Some(is)), Err(should)) => assert!(is.contains(should), "{is}"),
            (is, should) => panic!("{config}: {is:?}, not {should:?}"),
        }
    }

    fn password(user: &str, password: &str) -> Credentials {
        Credentials::Password { user: user.into(), password: password.into() }
    }

    #[test]
    fn what_docker_login_has_left_is_found() {
        let auths = r#"{"auths": {
            "r.example:5000": {"auth": "bWU6c2U6Y3JldA=="},
            "https://old.example/v1/": {"auth": "bWU6c2VjcmV0"},
            "https://index.docker.io/v1/": {"auth": "aHViOmh1Yg=="},
            "token.example": {"auth": "bWU6", "identitytoken": "abc"},
            "empty.example": {},
            "bad.example": {"auth": "?"}
        }}"#;
        check(auths, "r.example:5000", Ok(Some(password("me", "se:cret"))));
        check(auths, "old.example", Ok(Some(password("me", "secret"))));
        check(auths, "docker.io", Ok(Some(password("hub", "hub"))));
        check(auths, "token.example", Ok(Some(Credentials::IdentityToken("abc".into()))));
        check(auths, "empty.example", Ok(None));
        check(auths, "r.example", Ok(None));
        check(auths, "bad.example", Err("base64"));
        check("{}", "r.example", Ok(None));
        check("[", "r.example", Err("the configuration is none"));
    }

    #[test]
    fn a_keeper_of_passwords_that_is_missing_is_named() {
        let config = r#"{"credsStore": "none-such", "auths": {}}"#;
        check(config, "r.example", Err("`docker-credential-none-such` cannot be run"));
        let config = r#"{"credHelpers": {"r.example": "../x"}}"#;
        check(config, "r.example", Err("is no program's name"));
        check(config, "other.example", Ok(None));
    }
}
