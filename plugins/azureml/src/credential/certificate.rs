//! A client certificate with its key, and what proves that one has it.
//!
//! The proof is signed by RSASSA-PSS (RFC 7518, `PS256`) where the thumbprint is by SHA-256, the pair
//! that Microsoft's own libraries send.

use std::time::{Duration, SystemTime};

use ct_codecs::{Base64, Base64UrlSafeNoPadding, Decoder, Encoder};
use pkcs5::EncryptionScheme;
use pkcs5::der::asn1::OctetStringRef;
use pkcs5::der::{self, Decode, Reader, SliceReader};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::AzureError;

/// How long a proof holds.
const MINUTES: u64 = 10;

/// A certificate with its key.
pub(super) struct Certificate {
    key: RsaKeyPair,
    /// The certificate, and those that vouch for it, in DER.
    chain: Vec<Vec<u8>>,
}

/// What a proof says.
pub(super) struct Assertion<'a> {
    /// For whom it is: where one signs in.
    pub(super) audience: &'a str,
    /// Who one is.
    pub(super) client: &'a str,
    /// What no other proof is called.
    pub(super) id: &'a str,
    /// From when on it holds.
    pub(super) now: SystemTime,
    /// Whether the whole chain goes along, for who trusts issuers and not single certificates.
    pub(super) has_chain: bool,
}

impl Certificate {
    /// Reads `text` of the file at `path`, in PEM; `password` opens a key that is encrypted.
    ///
    /// # Errors
    /// When it has no certificate, no RSA key, or the password does not open the key.
    pub(super) fn parse(
        path: &str,
        text: &str,
        password: Option<&str>,
    ) -> Result<Self, AzureError> {
        let wrong = |what: &str, help: &str| {
            let what = format!("`{path}`, which `AZURE_CLIENT_CERTIFICATE_PATH` names, {what}");
            AzureError::settings(what, help)
        };
        let parts = parts(text);
        let chain: Vec<Vec<u8>> = parts
            .iter()
            .filter(|(label, _)| *label == "CERTIFICATE")
            .map(|(_, der)| der.clone())
            .collect();
        if chain.is_empty() {
            let help = "name a file in PEM with the certificate and its key; `openssl pkcs12 -nodes` \
                        makes one of a `.pfx`";
            return Err(wrong("has no certificate in PEM", help));
        }
        let help = "put the RSA key beside the certificate, as `PRIVATE KEY` in PEM";
        let (label, der) = parts
            .iter()
            .find(|(label, _)| label.ends_with("PRIVATE KEY"))
            .ok_or_else(|| wrong("has no private key", help))?;
        let key = match *label {
            "PRIVATE KEY" => RsaKeyPair::from_pkcs8(der),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(der),
            "ENCRYPTED PRIVATE KEY" => {
                let help = "set `AZURE_CLIENT_CERTIFICATE_PASSWORD` to the password of the key";
                let password = password.ok_or_else(|| wrong("has an encrypted key", help))?;
                let opened = opened(der, password);
                let wrong = || wrong("has a key that the password does not open", help);
                RsaKeyPair::from_pkcs8(&opened.ok_or_else(wrong)?)
            }
            label => return Err(wrong(&format!("has a key of the form `{label}`"), help)),
        };
        let key = key.map_err(|error| {
            wrong(
                &format!("has a key that is not taken ({error})"),
                "make an RSA key of 2048 to 4096 bits",
            )
        })?;
        Ok(Self { key, chain })
    }

    /// The signed text that proves what `assertion` says.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub(super) fn assertion(&self, assertion: &Assertion<'_>) -> Result<String, AzureError> {
        let failed = || AzureError::odd("the client certificate", "its key signs nothing");
        let start = assertion.now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let mut header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint()});
        if assertion.has_chain {
            let chain: Result<Vec<String>, _> =
                self.chain.iter().map(Base64::encode_to_string).collect();
            header["x5c"] = chain.map_err(|_| failed())?.into();
        }
        let claims = json!({
            "aud": assertion.audience,
            "iss": assertion.client,
            "sub": assertion.client,
            "jti": assertion.id,
            "nbf": start.as_secs(),
            "exp": start.as_secs() + MINUTES * 60,
        });
        let text = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(&RSA_PSS_SHA256, &random, text.as_bytes(), &mut signature)
            .map_err(|_| failed())?;
        Ok(format!("{text}.{}", url_safe(&signature)))
    }

    /// What the service knows the certificate by.
    fn thumbprint(&self) -> String {
        self.chain.first().map(|der| url_safe(&Sha256::digest(der))).unwrap_or_default()
    }
}

/// RFC 5958, `EncryptedPrivateKeyInfo`: how it is encrypted, and the encrypted key.
fn opened(key: &[u8], password: &str) -> Option<Vec<u8>> {
    let mut reader = SliceReader::new(key).ok()?;
    let parts = reader.sequence(|parts| -> der::Result<_> {
        Ok((EncryptionScheme::decode(parts)?, OctetStringRef::decode(parts)?))
    });
    let (scheme, data) = parts.ok()?;
    scheme.decrypt(password, data.as_bytes()).ok()
}

/// Parts of a text in PEM: label and content; others are passed over.
fn parts(text: &str) -> Vec<(&str, Vec<u8>)> {
    let part = |rest: &'_ str| -> Option<(usize, usize)> {
        let label = rest.find("-----")?;
        Some((label, rest.find("-----END ")?))
    };
    text.split("-----BEGIN ")
        .skip(1)
        .filter_map(|rest| {
            let (label, end) = part(rest)?;
            let content = rest.get(label + 5..end)?;
            let content = Base64::decode_to_vec(content, Some(b"\r\n \t".as_slice())).ok()?;
            Some((&rest[..label], content))
        })
        .collect()
}

fn part(value: &Value) -> String {
    url_safe(value.to_string().as_bytes())
}

fn url_safe(bytes: &[u8]) -> String {
    Base64UrlSafeNoPadding::encode_to_string(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use ct_codecs::{Base64UrlSafeNoPadding, Decoder};
    use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::{Value, json};

    use super::{Assertion, Certificate};

    fn fixture(name: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/azureml");
        fs::read_to_string(folder.join(name)).unwrap()
    }

    fn asserted(certificate: &Certificate, has_chain: bool) -> String {
        let assertion = Assertion {
            audience: "https://login.example.org/t/oauth2/v2.0/token",
            client: "client",
            id: "1",
            now: SystemTime::UNIX_EPOCH + Duration::from_hours(490_896),
            has_chain,
        };
        certificate.assertion(&assertion).unwrap()
    }

    fn bytes(part: &str) -> Vec<u8> {
        Base64UrlSafeNoPadding::decode_to_vec(part, None).unwrap()
    }

    fn read(part: &str) -> Value {
        serde_json::from_slice(&bytes(part)).unwrap()
    }

    /// The thumbprint of the certificate and its public key, by OpenSSL.
    fn known() -> [String; 2] {
        let lines: Vec<String> = fixture("client.txt").lines().map(str::to_owned).collect();
        lines.try_into().unwrap()
    }

    /// Whether `proof` was signed by who has the key of the certificate.
    fn is_signed(proof: &str) -> bool {
        let [_, key] = known();
        let (text, signature) = proof.rsplit_once('.').unwrap();
        let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, bytes(&key));
        key.verify(text.as_bytes(), &bytes(signature)).is_ok()
    }

    #[test]
    fn a_proof_is_signed_by_who_has_the_key() {
        let certificate = Certificate::parse("f", &fixture("client.pem"), None).unwrap();
        let proof = asserted(&certificate, false);
        let parts: Vec<&str> = proof.split('.').collect();
        let [thumbprint, _] = known();
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint});
        assert_eq!(read(parts[0]), header);
        let claims = json!({
            "aud": "https://login.example.org/t/oauth2/v2.0/token",
            "iss": "client", "sub": "client", "jti": "1",
            "nbf": 1_767_225_600, "exp": 1_767_226_200
        });
        assert_eq!(read(parts[1]), claims);
        assert!(is_signed(&proof));
        let forged = [parts[0], parts[0], parts[2]].join(".");
        assert!(!is_signed(&forged));
        let chained = asserted(&certificate, true);
        assert!(is_signed(&chained));
        let header = read(chained.split('.').next().unwrap());
        assert_eq!(header["x5c"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_password_opens_the_key() {
        let text = fixture("client-encrypted.pem");
        let opened = Certificate::parse("f", &text, Some("pass w0rd")).unwrap();
        assert!(is_signed(&asserted(&opened, false)));
    }

    #[test]
    fn files_without_what_is_needed_say_so() {
        let whole = fixture("client.pem");
        let [key, certificate] = ["-----BEGIN PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----"]
            .map(|start| {
                let from = whole.find(start).unwrap();
                let end = from + whole[from..].find("-----END").unwrap();
                let end = end + whole[end..].find('\n').unwrap();
                whole[from..end].to_owned()
            });
        let encrypted = fixture("client-encrypted.pem");
        for (text, password, part) in [
            ("", None, "has no certificate"),
            (&key, None, "has no certificate"),
            (&certificate, None, "has no private key"),
            (
                &format!("{certificate}\n{}", key.replace("PRIVATE", "EC PRIVATE")),
                None,
                "of the form",
            ),
            (&encrypted, None, "has an encrypted key"),
            (&encrypted, Some("wrong"), "the password does not open"),
        ] {
            let said = Certificate::parse("f", text, password).err().unwrap().to_string();
            assert!(said.contains(part), "{said}");
        }
    }
}
