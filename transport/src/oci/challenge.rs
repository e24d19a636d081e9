//! What a registry asks for before it answers: `WWW-Authenticate`.

/// How a registry wants to know who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// By user name and password.
    Basic,
    /// By a token of another server.
    Bearer {
        /// Address of that server.
        realm: String,
        /// What the token is for.
        service: Option<String>,
    },
}

/// The challenge of a header, if it is one that we know.
pub(super) fn parse(header: &str) -> Option<Challenge> {
    let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let parameters = parameters(rest);
    let find = |name: &str| {
        let found = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    Some(Challenge::Bearer { realm: find("realm")?, service: find("service") })
}

/// `name=value` and `name="value"`, with commas between them, as far as it is well formed.
fn parameters(mut text: &str) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    while let Some((name, rest)) = text.split_once('=') {
        let name = name.trim_matches([' ', ',']).to_owned();
        let value = match rest.strip_prefix('"') {
            Some(quoted) => {
                let Some((value, behind)) = unquote(quoted) else { break };
                text = behind;
                value
            }
            None => {
                let (value, behind) = rest.split_once(',').unwrap_or((rest, ""));
                text = behind;
                value.trim().to_owned()
            }
        };
        parameters.push((name, value));
    }
    parameters
}

/// A quoted string behind its first quote, and what is behind its last.
fn unquote(text: &str) -> Option<(String, &str)> {
    let (mut value, mut is_escaped) = (String::new(), false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => {
                value.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' => return Some((value, &text[at + 1..])),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Challenge, parse};

    #[test]
    fn challenges_of_registries_are_read() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.into(), service: service.map(Into::into) })
        };
        for (header, challenge) in [
            (r#"Basic realm="Registry""#, Some(Challenge::Basic)),
            ("basic", Some(Challenge::Basic)),
            (
                r#"Bearer realm="https://a.example/token",service="r.example",scope="repository:a/b:pull,push""#,
                bearer("https://a.example/token", Some("r.example")),
            ),
            (r#"bearer service=r, realm="https://a\"b""#, bearer("https://a\"b", Some("r"))),
            (r#"Bearer scope="a,realm=x",realm="y""#, bearer("y", None)),
            (r#"Bearer realm="https://a"#, None),
            ("Bearer", None),
            ("Negotiate abc", None),
            ("", None),
        ] {
            assert_eq!(parse(header), challenge, "{header}");
        }
    }
}
