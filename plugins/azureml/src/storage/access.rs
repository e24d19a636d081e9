//! What opens a container: a signature in the query, or a token.

use std::time::{Duration, SystemTime};

use ct_codecs::{Base64, Decoder, Encoder};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::AzureError;
use crate::text::{encoded, timestamp};

/// How long a signature made here holds.
const HOURS: u64 = 4;
/// Version of the signature's form, which all services read.
const VERSION: &str = "2018-11-09";
/// Read, add, create, write, delete, list.
const MAY: &str = "racwdl";

/// What opens a container.
#[derive(Clone)]
pub(crate) enum Access {
    /// A query that carries a signature.
    Signature(String),
    /// A token of the user.
    Token(String),
}

impl Access {
    /// A signature of the account's key for one container.
    ///
    /// # Errors
    /// When the key is none.
    pub(crate) fn signed(account: &str, key: &str, container: &str) -> Result<Self, AzureError> {
        let expiry = timestamp(SystemTime::now() + Duration::from_secs(HOURS * 3600));
        let signature = sign(account, key, container, &expiry)?;
        let (expiry, signature) = (encoded(&expiry), encoded(&signature));
        Ok(Self::Signature(format!("sv={VERSION}&sr=c&sp={MAY}&se={expiry}&sig={signature}")))
    }

    /// Address of the container that `answer` names, and the signature in it; errors call it `what`.
    ///
    /// # Errors
    /// When it names none.
    pub(crate) fn granted(what: &str, answer: &Value) -> Result<(String, Self), AzureError> {
        let signed = answer.pointer("/blobReferenceForConsumption/credential/sasUri");
        let parts = signed.and_then(Value::as_str).and_then(|uri| uri.split_once('?'));
        let (url, signature) =
            parts.ok_or_else(|| AzureError::odd(what, "no signed address of a container"))?;
        Ok((url.trim_end_matches('/').to_owned(), Self::Signature(signature.to_owned())))
    }
}

/// Azure Storage, "Create a service SAS": the lines that are signed.
fn sign(account: &str, key: &str, container: &str, expiry: &str) -> Result<String, AzureError> {
    let odd = |reason: &str| AzureError::odd(format!("storage account `{account}`"), reason);
    let key = Base64::decode_to_vec(key, None).map_err(|_| odd("its key is no base64"))?;
    let resource = format!("/blob/{account}/{container}");
    let mut lines = [""; 15];
    (lines[0], lines[2], lines[3]) = (MAY, expiry, resource.as_str());
    (lines[7], lines[8]) = (VERSION, "c");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| odd("its key is too long"))?;
    mac.update(lines.join("\n").as_bytes());
    Base64::encode_to_string(mac.finalize().into_bytes()).map_err(|_| odd("no signature"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Access, sign};

    #[test]
    fn an_answer_grants_a_container() {
        let granted = |uri: &str| {
            let answer = json!({"blobReferenceForConsumption": {"credential": {"sasUri": uri}}});
            Access::granted("model `m`", &answer)
        };
        let (url, access) = granted("https://a.blob.core.windows.net/c/?sv=1&sig=2").unwrap();
        assert_eq!(url, "https://a.blob.core.windows.net/c");
        assert!(matches!(access, Access::Signature(text) if text == "sv=1&sig=2"));
        assert!(granted("https://a.blob.core.windows.net/c").is_err());
    }

    /// By `hmac` of Python.
    #[test]
    fn a_signature_is_that_of_another_program() {
        let signature = sign("acme", "MDEyMzQ1Njc4OWFiY2RlZg==", "data", "2026-01-02T03:04:05Z");
        assert_eq!(signature.unwrap(), "ZOXPEUUPXv0KxylQ0SgV0RgMH8eHRgPQZsjZ/3UtRYA=");
        assert!(sign("acme", "%", "data", "2026-01-02T03:04:05Z").is_err());
    }
}
