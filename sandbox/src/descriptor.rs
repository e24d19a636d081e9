//! What a component says about itself, checked.

use std::collections::BTreeSet;

use olive_schemas::graph::GRAPH_VERSION;
use olive_schemas::validation::{DOCUMENT_VERSION, GraphPassDescriptor, Rule, ValidatorDescriptor};
use semver::{Version, VersionReq};
use serde_json::{Map, Value, json};

use crate::answer::{bad, json as parse, line, name, object, sentence};
use crate::bindings::exports::olive::plugin::graph_pass::PassInfo;
use crate::bindings::exports::olive::plugin::plugin::Manifest;
use crate::failure::Failure;
use crate::limits::Limits;

/// What documents of this host are.
pub(crate) const DOCUMENT_KIND: &str = "workflow";
/// What graphs are among documents.
pub(crate) const GRAPH_KIND: &str = "graph";

/// What a component said about itself.
pub(crate) struct Said {
    pub(crate) manifest: Manifest,
    /// Schema of its settings, when it is a validator.
    pub(crate) schema: Option<String>,
    /// Its passes, when it has some.
    pub(crate) passes: Option<Vec<PassInfo>>,
}

/// The descriptor of a component with the optional exports `interfaces`, from what it `said`.
pub(crate) fn describe(
    said: &Said,
    api_version: &Version,
    interfaces: Vec<String>,
    limits: &Limits,
) -> Result<ValidatorDescriptor, Failure> {
    let Said { manifest, schema: settings, passes } = said;
    let reads_workflows = settings.is_some() || interfaces.iter().any(|name| name != "graph-pass");
    if reads_workflows {
        takes(DOCUMENT_KIND, DOCUMENT_VERSION, &manifest.accepts)?;
    }
    if passes.is_some() {
        takes(GRAPH_KIND, GRAPH_VERSION, &manifest.accepts)?;
    }
    if let Some(missing) = manifest.provides.iter().find(|name| !interfaces.contains(name)) {
        let missing = line(missing);
        return Err(Failure::Contract(format!(
            "it says that it provides `{missing}`, and does not export it"
        )));
    }
    let Ok(version) = Version::parse(&manifest.version) else {
        return bad(format!("its version `{}` is no semver version", line(&manifest.version)));
    };
    let no_settings = || json!({"type": "object", "additionalProperties": false});
    let settings = settings.as_ref().map(|text| schema(text, "schema", limits)).transpose()?;
    Ok(ValidatorDescriptor {
        id: name(&manifest.id, "id")?,
        version: version.to_string(),
        summary: sentence(&manifest.description, "description")?,
        api_version: api_version.to_string(),
        validates: settings.is_some(),
        interfaces,
        rules: rules(&manifest.extra)?,
        schema: settings.unwrap_or_else(no_settings),
        passes: self::passes(passes.as_deref().unwrap_or_default(), limits)?,
    })
}

/// Refuses a component that does not know documents of this kind and version.
fn takes(kind: &str, version: &str, accepts: &[(String, String)]) -> Result<(), Failure> {
    let mut ranges = accepts.iter().filter(|(known, _)| known == kind).map(|(_, range)| range);
    let Ok(current) = Version::parse(version) else {
        return bad(format!("`{version}` is no semver version"));
    };
    let takes =
        |range: &String| VersionReq::parse(range).is_ok_and(|range| range.matches(&current));
    if ranges.clone().any(takes) {
        return Ok(());
    }
    Err(Failure::Contract(match ranges.next() {
        Some(range) => format!(
            "it knows `{kind}` documents of version `{}`, this Olive writes {version}",
            line(range)
        ),
        None => format!("it does not say that it accepts `{kind}` documents"),
    }))
}

fn passes(found: &[PassInfo], limits: &Limits) -> Result<Vec<GraphPassDescriptor>, Failure> {
    if found.len() > limits.passes {
        let (count, limit) = (found.len(), limits.passes);
        return Err(Failure::Flood(format!("it has {count} passes; {limit} are allowed")));
    }
    let mut seen = BTreeSet::new();
    found
        .iter()
        .map(|info| {
            let pass = pass(info, limits)?;
            if !seen.insert(pass.name.to_ascii_lowercase()) {
                return bad(format!("the pass `{}` is there twice", pass.name));
            }
            Ok(pass)
        })
        .collect()
}

fn pass(info: &PassInfo, limits: &Limits) -> Result<GraphPassDescriptor, Failure> {
    let name = pass_name(&info.name)?;
    let what = format!("schema of pass `{name}`");
    Ok(GraphPassDescriptor {
        summary: sentence(&info.summary, &format!("summary of pass `{name}`"))?,
        schema: schema(&info.schema, &what, limits)?,
        name,
    })
}

/// `text` when it is a name such as `RenameInputs`.
fn pass_name(text: &str) -> Result<String, Failure> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(is_letter);
    if is_name {
        return Ok(text.to_owned());
    }
    let text: String = line(text).chars().take(80).collect();
    bad(format!("the name of a pass is `{text}`; it takes letters, digits and `_`"))
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

/// The schema of settings that `text` spells, called `what`: of an object, and of nothing outside
/// this text.
fn schema(text: &str, what: &str, limits: &Limits) -> Result<Value, Failure> {
    let limit = limits.schema_bytes;
    if text.len() > limit {
        let size = text.len();
        return Err(Failure::Flood(format!("its {what} has {size} bytes; {limit} are allowed")));
    }
    let schema: Map<String, Value> = parse(text, what)?;
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return bad(format!("its {what} is not one of an object: `type` must be `object`"));
    }
    if let Some(dialect) = schema.get("$schema")
        && !dialect.as_str().is_some_and(|dialect| dialect.contains("json-schema.org/draft-07/"))
    {
        let dialect = line(&dialect.to_string());
        return bad(format!("its {what} is written for `{dialect}`; use draft-07"));
    }
    let schema = Value::Object(schema);
    stays_inside(&schema, what)?;
    Ok(schema)
}

fn stays_inside(schema: &Value, what: &str) -> Result<(), Failure> {
    match schema {
        Value::Object(entries) => {
            if let Some(target) = entries.get("$ref").and_then(Value::as_str)
                && !target.starts_with('#')
            {
                return bad(format!("its {what} refers to `{}`, outside itself", line(target)));
            }
            entries.values().try_for_each(|schema| stays_inside(schema, what))
        }
        Value::Array(items) => items.iter().try_for_each(|schema| stays_inside(schema, what)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
