//! Proofs that a client has the key of its certificate.

use std::fs;
use std::path::PathBuf;

use ct_codecs::{Base64UrlSafeNoPadding, Decoder};
use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use super::cloud::decoded;

/// The certificate with its key.
pub(super) fn certificate() -> PathBuf {
    fixture("client.pem")
}

/// Whether `form` proves it to the login service at `url`.
pub(super) fn proves(form: &str, url: &str) -> bool {
    let field = |name: &str| {
        let value = form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        value.map(decoded)
    };
    let Some(proof) = field("client_assertion") else { return false };
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    assert_eq!(field("client_assertion_type").as_deref(), Some(kind));
    let Some((text, signature)) = proof.rsplit_once('.') else { return false };
    let (header, claims) = text.split_once('.').unwrap();
    let json = |part: &str| -> Value { serde_json::from_slice(&url_safe(part)).unwrap() };
    let (header, claims) = (json(header), json(claims));
    assert_eq!((&header["alg"], &header["typ"]), (&"PS256".into(), &"JWT".into()));
    // The service knows a certificate by its thumbprint, and the key by the certificate.
    let known = fs::read_to_string(fixture("client.txt")).unwrap();
    let (thumbprint, key) = known.trim_end().split_once('\n').unwrap();
    assert_eq!(header["x5t#S256"], thumbprint);
    assert_eq!(claims["aud"], format!("{url}/tenant/oauth2/v2.0/token"));
    assert_eq!((&claims["iss"], &claims["sub"]), (&"client".into(), &"client".into()));
    let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, url_safe(key));
    public.verify(text.as_bytes(), &url_safe(signature)).is_ok()
}

fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures/azureml", name].iter().collect()
}

fn url_safe(text: &str) -> Vec<u8> {
    Base64UrlSafeNoPadding::decode_to_vec(text, None).unwrap()
}
