//! What a component says about itself, checked.

use std::collections::BTreeSet;

use olive_schemas::validation::{DOCUMENT_VERSION, Rule, ValidatorDescriptor};
use semver::{Version, VersionReq};
use serde_json::{Map, Value};

use crate::answer::{bad, json, line, name, object, sentence};
use crate::bindings::exports::olive::plugin::plugin::Manifest;
use crate::failure::Failure;

/// What documents of this host are.
pub(crate) const DOCUMENT_KIND: &str = "workflow";

/// The descriptor of a component with the exports `interfaces`, from its `manifest`.
pub(crate) fn describe(
    manifest: &Manifest,
    schema: Value,
    api_version: &Version,
    interfaces: Vec<String>,
) -> Result<ValidatorDescriptor, Failure> {
    takes_documents(&manifest.accepts)?;
    if let Some(missing) = manifest.provides.iter().find(|name| !interfaces.contains(name)) {
        let missing = line(missing);
        return Err(Failure::Contract(format!(
            "it says that it provides `{missing}`, and does not export it"
        )));
    }
    let Ok(version) = Version::parse(&manifest.version) else {
        return bad(format!("its version `{}` is no semver version", line(&manifest.version)));
    };
    Ok(ValidatorDescriptor {
        id: name(&manifest.id, "id")?,
        version: version.to_string(),
        summary: sentence(&manifest.description, "description")?,
        api_version: api_version.to_string(),
        interfaces,
        rules: rules(&manifest.extra)?,
        schema,
        validates: true,
        passes: Vec::new(),
    })
}

/// Refuses a component that does not know documents of this version.
fn takes_documents(accepts: &[(String, String)]) -> Result<(), Failure> {
    let mut ranges =
        accepts.iter().filter(|(kind, _)| kind == DOCUMENT_KIND).map(|(_, range)| range);
    let Ok(current) = Version::parse(DOCUMENT_VERSION) else {
        return bad(format!("`{DOCUMENT_VERSION}` is no semver version"));
    };
    let takes =
        |range: &String| VersionReq::parse(range).is_ok_and(|range| range.matches(&current));
    if ranges.clone().any(takes) {
        return Ok(());
    }
    Err(Failure::Contract(match ranges.next() {
        Some(range) => format!(
            "it knows `{DOCUMENT_KIND}` documents of version `{}`, this Olive writes \
             {DOCUMENT_VERSION}",
            line(range)
        ),
        None => format!("it does not say that it accepts `{DOCUMENT_KIND}` documents"),
    }))
}

fn rules(extra: &str) -> Result<Vec<Rule>, Failure> {
    let mut extra = object(extra, "`extra` of its manifest")?;
    let Some(rules) = extra.remove("rules") else { return Ok(Vec::new()) };
    let rules = serde_json::from_value::<Vec<Rule>>(rules)
        .or_else(|error| bad(format!("`rules` of its manifest are not right: {error}")))?;
    let mut seen = BTreeSet::new();
    for rule in &rules {
        if !seen.insert(rule.code.clone()) {
            return bad(format!("the rule `{}` is there twice", line(&rule.code)));
        }
    }
    rules.iter().map(rule).collect()
}

fn rule(rule: &Rule) -> Result<Rule, Failure> {
    Ok(Rule {
        code: name(&rule.code, "code of a rule")?,
        summary: sentence(&rule.summary, "summary of a rule")?,
        url: rule.url.as_deref().map(line),
    })
}

/// The schema of settings that `text` spells: of an object, and of nothing outside this text.
pub(crate) fn schema(text: &str, limit: usize) -> Result<Value, Failure> {
    if text.len() > limit {
        let size = text.len();
        return Err(Failure::Flood(format!("its schema has {size} bytes; {limit} are allowed")));
    }
    let schema: Map<String, Value> = json(text, "schema")?;
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return bad("its schema is not one of an object: `type` must be `object`".into());
    }
    if let Some(dialect) = schema.get("$schema")
        && !dialect.as_str().is_some_and(|dialect| dialect.contains("json-schema.org/draft-07/"))
    {
        return bad(format!(
            "its schema is written for `{}`; use draft-07",
            line(&dialect.to_string())
        ));
    }
    let schema = Value::Object(schema);
    stays_inside(&schema)?;
    Ok(schema)
}

fn stays_inside(schema: &Value) -> Result<(), Failure> {
    match schema {
        Value::Object(entries) => {
            if let Some(target) = entries.get("$ref").and_then(Value::as_str)
                && !target.starts_with('#')
            {
                return bad(format!("its schema refers to `{}`, outside itself", line(target)));
            }
            entries.values().try_for_each(stays_inside)
        }
        Value::Array(items) => items.iter().try_for_each(stays_inside),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
