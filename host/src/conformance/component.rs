//! Validators, tried with documents.

mod documents;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use olive_sandbox::{Component, Context, Failure, Limits, MachineCode, Sandbox, compile_in_child};
use olive_schemas::conformance::ConformanceCase;
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::validation::{Document, ValidatorDescriptor};
use semver::Version;
use serde_json::{Value, json};

use super::report::{Finding, Report, failed, skipped, unless_any};
use super::schema;
use crate::config::defaults::fill;
use crate::plugin::component::is_name;
use documents::{Planner, large, minimal, usual};

/// Command of this program that compiles a component.
const COMPILE: &str = "compile-component";
/// Time that compiling may take.
const COMPILE_LIMIT: Duration = Duration::from_secs(10);
/// Share of the fuel and the time of a call that a large document may use.
const MARGIN: u32 = 4;

/// Tries the component at `path`.
pub(super) fn check(
    path: &Path,
    cases: &[ConformanceCase],
    folder: &Path,
    report: &mut Report<'_>,
) {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let start = Instant::now();
    let (code, component) = match load(path) {
        Ok(loaded) => loaded,
        Err(failure) => {
            report.add(format!("{name}/loaded"), failed(tell(&failure)));
            return;
        }
    };
    let loaded = format!("compiled in {} ms", start.elapsed().as_millis());
    report.add(format!("{name}/loaded"), Ok(loaded));
    let described = component.describe();
    let descriptor = match described {
        Ok(descriptor) => descriptor,
        Err(failure) => {
            report.add(format!("{name}/described"), failed(tell(&failure)));
            return;
        }
    };
    let bench = Bench { component, descriptor };
    let is_stable = bench.component.describe().as_ref() == Ok(&bench.descriptor);
    let finding = if is_stable {
        Ok("the same twice".into())
    } else {
        failed("it says something else each time")
    };
    report.add(format!("{name}/described"), finding);
    report.add(format!("{name}/names"), names(&bench.descriptor));
    schema::check(&name, &bench.descriptor.schema, report);
    for (label, document) in usual() {
        report.add(format!("{name}/{label}"), bench.finds(&document, None).0);
    }
    let planner = Planner::default();
    let mut found = BTreeSet::new();
    for (index, case) in cases.iter().enumerate() {
        let Some(file) = &case.document else { continue };
        let label = case.name.clone().unwrap_or_else(|| index.to_string());
        let finding = planner.read(&folder.join(file)).map_or_else(failed, |document| {
            let (finding, codes) = bench.finds(&document, Some(case.expect.code()));
            found.extend(codes);
            finding
        });
        report.add(format!("{name}/{label}"), finding);
    }
    report.add(format!("{name}/rules-tried"), tried(&bench.descriptor, &found));
    report.add(format!("{name}/unknown-setting"), bench.unknown_setting());
    report.add(format!("{name}/limits"), bench.limits(&code));
}

/// A component on the bench.
struct Bench {
    component: Component,
    descriptor: ValidatorDescriptor,
}

impl Bench {
    /// What the component finds about `document`, asked twice, and the codes of that; `expected`
    /// is the code that must be among them, or none at all.
    fn finds(&self, document: &Document, expected: Option<Option<&str>>) -> (Finding, Vec<String>) {
        let document = self.with_defaults(document);
        let text = serde_json::to_string(&document).unwrap_or_default();
        let ask = || self.component.validate(&text, &Context::default());
        let (first, second) = (ask(), ask());
        let found = match (first, second) {
            (Ok(first), Ok(second)) if first == second => first,
            (Ok(_), Ok(_)) => return (failed("it finds something else each time"), Vec::new()),
            (Err(failure), _) | (_, Err(failure)) => return (failed(tell(&failure)), Vec::new()),
        };
        let codes: Vec<String> = found.iter().map(|problem| problem.code.clone()).collect();
        let problems = found.iter().filter_map(|problem| self.problem(problem, &document.workflow));
        let mut problems: Vec<String> = problems.collect();
        let told = if codes.is_empty() {
            "finds nothing".into()
        } else {
            format!("finds `{}`", codes.join("`, `"))
        };
        match expected {
            Some(Some(code)) if !codes.iter().any(|found| found == code) => {
                problems.push(format!("it {told}, `{code}` is expected"));
            }
            Some(None) if !codes.is_empty() => {
                problems.push(format!("it {told}, nothing is expected"));
            }
            _ => {}
        }
        (unless_any(problems, told), codes)
    }

    /// What is wrong with a finding itself.
    fn problem(&self, found: &Diagnostic, workflow: &Value) -> Option<String> {
        let Diagnostic { code, pointer, message, .. } = found;
        if !self.descriptor.rules.iter().any(|rule| rule.code == *code) {
            return Some(format!("`{code}` is among its findings, not among its rules"));
        }
        if workflow.pointer(pointer).is_none() {
            return Some(format!("`{code}` points to `{pointer}`, where nothing is"));
        }
        (message.trim().is_empty() || message.ends_with('.'))
            .then(|| format!("the message of `{code}` is empty or ends with a period"))
    }

    fn unknown_setting(&self) -> Finding {
        let mut document = minimal();
        document.config.insert("olive_conformance_unknown".into(), json!(1));
        let text = serde_json::to_string(&document).unwrap_or_default();
        match self.component.validate(&text, &Context::default()) {
            Err(Failure::Refused(why)) => Ok(format!("refused: {why}")),
            Err(failure) => failed(tell(&failure)),
            Ok(_) => failed("it takes a setting that nobody has"),
        }
    }

    /// How much of its limits a large document takes.
    fn limits(&self, code: &MachineCode) -> Finding {
        let limits = Limits::default();
        let document = serde_json::to_string(&self.with_defaults(&large())).unwrap_or_default();
        let start = Instant::now();
        if let Err(failure) = self.component.validate(&document, &Context::default()) {
            return failed(format!(
                "a document of {} KB: {}",
                document.len() >> 10,
                tell(&failure)
            ));
        }
        let time = start.elapsed();
        let fuel = match fuel(code, &document, &limits) {
            Ok(fuel) => fuel,
            Err(failure) => return failed(tell(&failure)),
        };
        let told = format!(
            "{} KB of document take less than {fuel} of {} units of fuel and {} of {} ms",
            document.len() >> 10,
            limits.fuel,
            time.as_millis(),
            limits.time.as_millis(),
        );
        let is_fine = fuel <= limits.fuel / u64::from(MARGIN) && time <= limits.time / MARGIN;
        if is_fine { Ok(told) } else { failed(format!("{told}: less than a quarter is safe")) }
    }

    fn with_defaults(&self, document: &Document) -> Document {
        let mut settings = Value::Object(document.config.clone());
        fill(&mut settings, &self.descriptor.schema);
        let Value::Object(config) = settings else { return document.clone() };
        Document { config, ..document.clone() }
    }
}

/// The least power of two of fuel that `document` can be validated with.
fn fuel(code: &MachineCode, document: &str, limits: &Limits) -> Result<u64, Failure> {
    let mut fuel = 1 << 14;
    while fuel < limits.fuel {
        let sandbox = Sandbox::new(Limits { fuel, ..limits.clone() })?;
        match sandbox.load(code)?.validate(document, &Context::default()) {
            Err(Failure::Fuel { .. }) => fuel *= 2,
            Err(failure) => return Err(failure),
            Ok(_) => break,
        }
    }
    Ok(fuel)
}

fn load(path: &Path) -> Result<(MachineCode, Component), Failure> {
    let wasm = fs::read(path).map_err(|error| Failure::Malformed(error.to_string()))?;
    let program = env::current_exe().map_err(|error| Failure::Compile(error.to_string()))?;
    let code = compile_in_child(&program, &[COMPILE], &wasm, COMPILE_LIMIT)?;
    let component = Sandbox::new(Limits::default())?.load(&code)?;
    Ok((code, component))
}

fn names(descriptor: &ValidatorDescriptor) -> Finding {
    let ValidatorDescriptor { id, version, summary, rules, .. } = descriptor;
    let mut problems = Vec::new();
    if !is_name(id) {
        problems.push(format!("id `{id}` is not lower case with `-`"));
    }
    if Version::parse(version).is_err() {
        problems.push(format!("version `{version}` is not of the form 1.2.3"));
    }
    if !summary.trim().ends_with('.') {
        problems.push("its summary is no sentence with a period".into());
    }
    let mut known = BTreeSet::new();
    for rule in rules {
        if !is_name(&rule.code) {
            problems.push(format!("code `{}` is not lower case with `-`", rule.code));
        }
        if !known.insert(&rule.code) {
            problems.push(format!("two rules have the code `{}`", rule.code));
        }
        if rule.summary.trim().is_empty() {
            problems.push(format!("rule `{}` has no summary", rule.code));
        }
    }
    unless_any(problems, format!("{id}@{version} with {} rules", rules.len()))
}

/// Whether every rule spoke in some case.
fn tried(descriptor: &ValidatorDescriptor, found: &BTreeSet<String>) -> Finding {
    let silent = descriptor.rules.iter().filter(|rule| !found.contains(&rule.code));
    let silent: Vec<&str> = silent.map(|rule| rule.code.as_str()).collect();
    if silent.is_empty() {
        return Ok(format!("{} rules spoke in a case", descriptor.rules.len()));
    }
    skipped(format!("no case makes `{}` speak", silent.join("`, `")))
}

fn tell(failure: &Failure) -> String {
    format!("`{}`: {failure}", failure.code())
}
