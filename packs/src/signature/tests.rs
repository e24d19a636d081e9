use super::{PublicKey, SecretKey, Signature, Subject};
use crate::PackError;

/// Made by the tool: `minisign -G -W`, `minisign -S -m content -t 'olive pack …'`, the same with
/// `-l`, and the same with the comment `hello`; `locked.*` by `minisign -G` with 32 MB of memory and
/// the password `correct horse`.
macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("fixtures/", $name))
    };
}

const CONTENT: &[u8] = fixture!("content").as_bytes();

fn pack(version: &str) -> Subject {
    Subject::Pack { name: "acme/prune".parse().unwrap(), version: version.to_owned() }
}

fn sha256(content: &[u8]) -> String {
    use sha2::Digest;
    crate::data::hex(&sha2::Sha256::digest(content))
}

fn no_password() -> Result<String, PackError> {
    panic!("no password is asked for")
}

fn locked(password: &str) -> Result<SecretKey, PackError> {
    SecretKey::parse(fixture!("locked.key"), &|| Ok(password.to_owned()))
}

#[test]
fn keys_of_the_tool_are_read() {
    let public = PublicKey::parse(fixture!("open.pub")).unwrap();
    assert_eq!(public.id(), "46870600DAB63940");
    assert_eq!(PublicKey::parse(&public.to_base64()).unwrap(), public);
    assert_eq!(public.to_text(), fixture!("open.pub"));

    let secret = SecretKey::parse(fixture!("open.key"), &no_password).unwrap();
    assert_eq!(secret.public().unwrap(), public);
    let line = |text: &str| text.lines().nth(1).unwrap().to_owned();
    assert_eq!(line(&secret.to_text(None).unwrap()), line(fixture!("open.key")));
}

#[test]
fn locked_keys_are_read_with_their_password() {
    let public = PublicKey::parse(fixture!("locked.pub")).unwrap();
    assert_eq!(locked("correct horse").unwrap().public().unwrap(), public);
    let error = locked("battery staple").err().unwrap();
    assert_eq!(error.to_string(), "the password does not open the secret key");
}

#[test]
fn locked_keys_are_written_and_read_again() {
    let key = SecretKey::generate().unwrap();
    let text = key.to_text(Some("a b c")).unwrap();
    assert!(
        text.starts_with("untrusted comment: minisign encrypted secret key\nRWRTY0Iy"),
        "{text}"
    );
    let again = SecretKey::parse(&text, &|| Ok("a b c".into())).unwrap();
    assert_eq!(again.public().unwrap(), key.public().unwrap());
    let open = again.to_text(None).unwrap();
    assert_eq!(open, key.to_text(None).unwrap());
    assert!(SecretKey::parse(&open, &no_password).is_ok());
}

#[test]
fn a_signature_of_the_tool_is_taken() {
    let signature = Signature::parse(fixture!("olive.minisig")).unwrap();
    let key = PublicKey::parse(fixture!("open.pub")).unwrap();
    assert_eq!(signature.key(), &key);
    assert_eq!(signature.key_id(), key.id());
    assert_eq!(signature.subject(), &pack("1.2.0"));
    signature.verify(CONTENT, &key).unwrap();
}

#[test]
fn what_is_signed_is_bound() {
    let key = SecretKey::generate().unwrap();
    let public = key.public().unwrap();
    let text = key.sign(CONTENT, &sha256(CONTENT), &pack("1.2.0")).unwrap();
    let signature = Signature::parse(&text).unwrap();
    signature.verify(CONTENT, &public).unwrap();
    assert_eq!(signature.text(), text);

    let other = SecretKey::generate().unwrap().public().unwrap();
    let changed = text.replace("version=1.2.0", "version=1.3.0");
    let codes = [
        signature.verify(&b"other"[..], &public).unwrap_err().code(),
        signature.verify(CONTENT, &other).unwrap_err().code(),
        Signature::parse(&changed).unwrap().verify(CONTENT, &public).unwrap_err().code(),
    ];
    assert_eq!(codes, ["pack-tampered", "pack-other-key", "pack-forged"]);
}

#[test]
fn a_key_with_the_id_of_another_is_another_key() {
    let [key, other] = [(); 2].map(|()| SecretKey::generate().unwrap().public().unwrap());
    let mut bytes = other.0.to_bytes();
    bytes[2..10].copy_from_slice(key.number());
    let twin = PublicKey(minisign::PublicKey::from_bytes(&bytes).unwrap());
    assert_eq!(twin.id(), key.id());
    assert_ne!(twin, key);
    let renamed = {
        let mut bytes = key.0.to_bytes();
        bytes[2] ^= 1;
        PublicKey(minisign::PublicKey::from_bytes(&bytes).unwrap())
    };
    assert_ne!(renamed, key);
}

#[test]
fn other_signatures_are_refused_with_a_reason() {
    let good = fixture!("olive.minisig");
    let cut = |line: usize| {
        let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
        lines[line].truncate(20);
        lines.join("\n")
    };
    for (text, reason) in [
        (fixture!("legacy.minisig").to_owned(), "is of minisign's legacy kind"),
        (fixture!("foreign.minisig").to_owned(), "does not say in its trusted comment which pack"),
        (good.replace("key=RWRA", "key=RWRB"), "names another key than the one it was made with"),
        (good.replace("RURAO", "RURBO"), "names another key than the one it was made with"),
        (good.replace("trusted comment", "comment"), "is no minisign signature"),
        (format!("{good}more\n"), "is no minisign signature"),
        (cut(1), "is no minisign signature"),
        (cut(3), "is no minisign signature"),
        (String::new(), "is no minisign signature"),
        ("a\nb\nc\nd\n".to_owned(), "is no minisign signature"),
    ] {
        let error = Signature::parse(&text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("the signature {reason}")), "{error}\n{text}");
    }
}

#[test]
fn other_keys_are_refused_with_a_reason() {
    for (text, reason) in [
        (fixture!("open.key"), "this is a secret key"),
        (fixture!("locked.key"), "this is a secret key"),
        (fixture!("olive.minisig"), "this is no public key"),
        ("untrusted comment: x\n", "this is no public key"),
        ("", "this is no public key"),
    ] {
        let error = PublicKey::parse(text).unwrap_err().to_string();
        assert!(error.starts_with(reason), "{error}\n{text}");
    }
    let broken = fixture!("open.key").replacen("Qs", "Qt", 1).replacen("aaw", "abw", 1);
    for (text, reason) in [
        (fixture!("open.pub"), "this is no secret key"),
        ("", "this is no secret key"),
        (&broken, "the secret key is damaged"),
    ] {
        let error = SecretKey::parse(text, &no_password).err().map(|error| error.to_string());
        let error = error.unwrap_or_else(|| panic!("taken: {text}"));
        assert!(error.starts_with(reason), "{error}\n{text}");
    }
}

#[test]
fn content_that_differs_from_its_digest_is_not_signed() {
    let key = SecretKey::generate().unwrap();
    let error = key.sign(CONTENT, &sha256(b"other"), &pack("1.0.0")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the content of pack `acme/prune` 1.0.0 has changed while it was signed"
    );
}

#[test]
fn content_that_cannot_be_read_is_an_error_of_the_system() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let key = PublicKey::parse(fixture!("open.pub")).unwrap();
    let signature = Signature::parse(fixture!("olive.minisig")).unwrap();
    let error = signature.verify(Broken, &key).unwrap_err();
    assert_eq!(error.code(), "pack-io");
    assert!(error.to_string().ends_with("the disk is gone"), "{error}");
}
