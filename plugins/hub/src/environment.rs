//! What the variables of `huggingface_hub` say: which hub, whether it may be asked, by what token.

use std::env;
use std::fs;
use std::path::PathBuf;

use crate::HubError;

/// The hub, unless `HF_ENDPOINT` names another.
const ENDPOINT: &str = "https://huggingface.co";

/// How the hub is spoken to.
pub(crate) struct Environment {
    /// Address of the hub, without a slash at its end.
    pub(crate) endpoint: String,
    /// Whether nothing may be asked.
    pub(crate) is_offline: bool,
    /// Who asks; never told.
    pub(crate) token: Option<String>,
}

impl Environment {
    /// What this process has; the token of the variable `named`, when the reference names one.
    ///
    /// # Errors
    /// When that variable is not set.
    pub(crate) fn of_process(named: Option<&str>) -> Result<Self, HubError> {
        Self::of(&|name| env::var(name).ok(), named)
    }

    fn of(
        variable: &dyn Fn(&str) -> Option<String>,
        named: Option<&str>,
    ) -> Result<Self, HubError> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let is_on = |name: &str| {
            let value = set(name).unwrap_or_default().to_uppercase();
            ["1", "ON", "YES", "TRUE"].contains(&value.as_str())
        };
        let token = match named {
            Some(name) => Some(set(name).ok_or_else(|| HubError::NoToken(name.to_owned()))?),
            None if is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN") => None,
            None => {
                set("HF_TOKEN").or_else(|| set("HUGGING_FACE_HUB_TOKEN")).or_else(|| saved(&set))
            }
        };
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        Ok(Self {
            endpoint: endpoint.trim().trim_end_matches('/').to_owned(),
            is_offline: is_on("HF_HUB_OFFLINE") || is_on("TRANSFORMERS_OFFLINE"),
            token: token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()),
        })
    }
}

/// The token that `hf auth login` has saved.
fn saved(set: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let home = || set("HOME").or_else(|| set("USERPROFILE")).map(PathBuf::from);
    let path = set("HF_TOKEN_PATH").map(PathBuf::from).or_else(|| {
        let cache = || set("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = || cache().or_else(|| Some(home()?.join(".cache")));
        let own = set("HF_HOME").map(PathBuf::from);
        Some(own.or_else(|| Some(cache()?.join("huggingface")))?.join("token"))
    });
    fs::read_to_string(path?).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Environment;

    fn of(variables: &[(&str, &str)], named: Option<&str>) -> Option<Environment> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Environment::of(&variable, named).ok()
    }

    #[test]
    fn tokens_come_from_where_python_looks() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "saved\n").unwrap();
        let home = ("HF_HOME", folder.path().to_str().unwrap());
        let token = |variables: &[(&str, &str)], named| of(variables, named)?.token;
        let one = ("HF_TOKEN", "one");
        let old = ("HUGGING_FACE_HUB_TOKEN", "old");
        for (variables, named, expected) in [
            (&[home][..], None, Some("saved")),
            (&[home, old], None, Some("old")),
            (&[home, old, one], None, Some("one")),
            (&[home, one, ("HF_TOKEN", " ")], None, Some("one")),
            (&[one, ("MINE", "two")], Some("MINE"), Some("two")),
            (&[one, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")], None, None),
            (&[("HF_HOME", "/nowhere")], None, None),
            (&[], None, None),
        ] {
            assert_eq!(token(variables, named).as_deref(), expected, "{variables:?}");
        }
        assert!(of(&[one], Some("MINE")).is_none());
    }

    #[test]
    fn the_hub_may_be_another_one_or_none() {
        let plain = of(&[], None).unwrap();
        assert_eq!((plain.endpoint.as_str(), plain.is_offline), ("https://huggingface.co", false));
        let own = of(&[("HF_ENDPOINT", "https://hub.acme/"), ("HF_HUB_OFFLINE", "true")], None);
        let own = own.unwrap();
        assert_eq!((own.endpoint.as_str(), own.is_offline), ("https://hub.acme", true));
    }
}
