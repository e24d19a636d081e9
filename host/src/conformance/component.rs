//! Validators, tried with documents.

mod documents;
mod graphs;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use olive_sandbox::{
    CallLimits, Component, Context, Failure, Limits, MachineCode, Sandbox, compile_in_child,
};
use olive_schemas::conformance::ConformanceCase;
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::validation::{Document, ValidatorDescriptor};
use semver::Version;
use serde_json::{Value, json};

use super::report::{Finding, Report, counted, failed, skipped, unless_any};
use super::schema::{self, Whose};
use crate::config::defaults::fill;
use crate::config::schema::violations;
use crate::plugin::component::is_name;
use documents::{Planner, large, minimal, usual};

/// Command of this program that compiles a component.
const COMPILE: &str = "compile-component";
/// Time that compiling may take.
const COMPILE_LIMIT: Duration = Duration::from_mins(2);
/// Share of the fuel and the time of a call that a large document may use.
const MARGIN: u32 = 4;

/// Tries the component at `path` with documents; what it says about itself, when it can be loaded.
pub(super) fn check(
    path: &Path,
    cases: &[ConformanceCase],
    folder: &Path,
    report: &mut Report<'_>,
) -> Option<ValidatorDescriptor> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let bench = Bench::set_up(path, &name, report)?;
    report.add(format!("{name}/names"), names(&bench.descriptor));
    if bench.descriptor.validates {
        bench.validate(&name, cases, folder, report);
    }
    if bench.descriptor.validates || !bench.interfaces_of_workflows().is_empty() {
        report.add(format!("{name}/interfaces"), bench.interfaces());
    }
    for pass in &bench.descriptor.passes {
        report.add(format!("{}/limits", pass.name), graphs::limits(&bench.code, pass, cases));
    }
    Some(bench.descriptor)
}

/// What a document must make a component find.
enum Expectation<'a> {
    /// Whatever it likes, in the right form.
    Anything,
    Nothing,
    /// This code among others.
    Code(&'a str),
}

/// A component on the bench.
struct Bench {
    code: MachineCode,
    component: Component,
    descriptor: ValidatorDescriptor,
}

impl Bench {
    /// The component at `path`, when it can be loaded and says the same about itself twice.
    fn set_up(path: &Path, name: &str, report: &mut Report<'_>) -> Option<Self> {
        let start = Instant::now();
        let loaded = load(path);
        let millis = start.elapsed().as_millis();
        let finding = match &loaded {
            Ok(_) => Ok(format!("compiled in {millis} ms")),
            Err(failure) => failed(tell(failure)),
        };
        report.add(format!("{name}/loaded"), finding);
        let (code, component) = loaded.ok()?;
        let described = component.describe();
        let finding = match &described {
            Ok(_) if component.describe() == described => Ok("the same twice".into()),
            Ok(_) => failed("it says something else each time"),
            Err(failure) => failed(tell(failure)),
        };
        report.add(format!("{name}/described"), finding);
        Some(Self { code, component, descriptor: described.ok()? })
    }

    /// Tries the validator with documents of ours and of the author's.
    fn validate(
        &self,
        name: &str,
        cases: &[ConformanceCase],
        folder: &Path,
        report: &mut Report<'_>,
    ) {
        schema::check(name, Whose::Others, &self.descriptor.schema, report);
        for (label, document) in usual() {
            report.add(format!("{name}/{label}"), self.finds(&document, &Expectation::Anything).0);
        }
        let planner = Planner::default();
        let mut found = BTreeSet::new();
        for (index, case) in cases.iter().enumerate() {
            let Some(file) = &case.document else { continue };
            let label = case.name.clone().unwrap_or_else(|| index.to_string());
            let finding = planner.read(&folder.join(file)).map_or_else(failed, |mut document| {
                document.config.extend(case.config.clone());
                let expected = case.expect.code().map_or(Expectation::Nothing, Expectation::Code);
                let (finding, codes) = self.finds(&document, &expected);
                found.extend(codes);
                finding
            });
            report.add(format!("{name}/{label}"), finding);
        }
        report.add(format!("{name}/rules-tried"), tried(&self.descriptor, &found));
        report.add(format!("{name}/unknown-setting"), self.unknown_setting());
        report.add(format!("{name}/limits"), self.limits());
    }

    /// What the component finds about `document`, asked twice, and the codes of that.
    fn finds(&self, document: &Document, expected: &Expectation<'_>) -> (Finding, Vec<String>) {
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
            Expectation::Code(code) if !codes.iter().any(|found| found == code) => {
                problems.push(format!("it {told}, `{code}` is expected"));
            }
            Expectation::Nothing if !codes.is_empty() => {
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

    /// Optional interfaces that are about workflows.
    fn interfaces_of_workflows(&self) -> Vec<&str> {
        let all = self.descriptor.interfaces.iter().map(String::as_str);
        all.filter(|interface| *interface != "graph-pass").collect()
    }

    /// Whether the optional interfaces answer, and the same twice.
    fn interfaces(&self) -> Finding {
        let provided = self.interfaces_of_workflows();
        if provided.is_empty() {
            return skipped("it is neither migrator nor completer nor planner");
        }
        let mut problems = Vec::new();
        for (label, document) in usual() {
            let document = self.with_defaults(&document);
            let workflow = document.workflow.to_string();
            let whole = serde_json::to_string(&document).unwrap_or_default();
            let (component, ctx) = (&self.component, Context::default());
            let answers = [
                twice(|| component.migrate(&workflow, &ctx)),
                twice(|| component.complete(&workflow, "/passes", &ctx)),
                twice(|| component.estimate(&whole, &ctx)),
            ];
            let wrong = answers.into_iter().filter_map(Result::err);
            problems.extend(wrong.map(|why| format!("document `{label}`: {why}")));
        }
        unless_any(problems, format!("`{}`", provided.join("`, `")))
    }

    /// Whether a setting that nobody has is refused: by the schema, which the host asks first, or
    /// by the component.
    fn unknown_setting(&self) -> Finding {
        let settings = json!({"olive_conformance_unknown": 1});
        if !violations(&settings, &self.descriptor.schema).is_empty() {
            return Ok("the schema refuses it".into());
        }
        let Value::Object(config) = settings else { return skipped("settings are an object") };
        let text = serde_json::to_string(&Document { config, ..minimal() }).unwrap_or_default();
        match self.component.validate(&text, &Context::default()) {
            Err(Failure::Refused(why)) => Ok(format!("refused: {why}")),
            Err(failure) => failed(tell(&failure)),
            Ok(_) => failed("it takes a setting that nobody has"),
        }
    }

    /// How much of its limits a large document takes.
    fn limits(&self) -> Finding {
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
        let fuel = match fuel(limits.call.fuel, |fuel| {
            let call = CallLimits { fuel, ..limits.call };
            let sandbox = Sandbox::new(Limits { call, ..limits.clone() })?;
            let component = sandbox.load(&self.code)?;
            component.validate(&document, &Context::default()).map(|_| ())
        }) {
            Ok(fuel) => fuel,
            Err(failure) => return failed(tell(&failure)),
        };
        let told = format!(
            "{} KB of document take about {fuel} of {} units of fuel and {} of {} ms",
            document.len() >> 10,
            limits.call.fuel,
            time.as_millis(),
            limits.call.time.as_millis(),
        );
        let is_fine =
            fuel <= limits.call.fuel / u64::from(MARGIN) && time <= limits.call.time / MARGIN;
        if is_fine { Ok(told) } else { failed(format!("{told}: less than a quarter is safe")) }
    }

    fn with_defaults(&self, document: &Document) -> Document {
        let mut settings = Value::Object(document.config.clone());
        fill(&mut settings, &self.descriptor.schema);
        let Value::Object(config) = settings else { return document.clone() };
        Document { config, ..document.clone() }
    }
}

/// Refuses an answer that is a failure, or another one the second time.
fn twice<T: PartialEq>(ask: impl Fn() -> Result<T, Failure>) -> Result<(), String> {
    match (ask(), ask()) {
        (Ok(first), Ok(second)) if first == second => Ok(()),
        (Ok(_), Ok(_)) => Err("it answers something else each time".into()),
        (Err(failure), _) | (_, Err(failure)) => Err(tell(&failure)),
    }
}

/// About the least fuel, of at most `limit`, with which `ask` is answered: an eighth more at most.
fn fuel(limit: u64, ask: impl Fn(u64) -> Result<(), Failure>) -> Result<u64, Failure> {
    let suffices = |fuel| match ask(fuel) {
        Err(Failure::Fuel { .. }) => Ok(false),
        Err(failure) => Err(failure),
        Ok(()) => Ok(true),
    };
    let mut enough = 1 << 14;
    while enough < limit && !suffices(enough)? {
        enough *= 2;
    }
    let mut too_little = enough / 2;
    while enough - too_little > enough / 8 {
        let middle = u64::midpoint(too_little, enough);
        if suffices(middle)? {
            enough = middle;
        } else {
            too_little = middle;
        }
    }
    Ok(enough)
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
    unless_any(problems, format!("{id}@{version} with {}", counted(rules.len(), "rule")))
}

/// Whether every rule spoke in some case.
fn tried(descriptor: &ValidatorDescriptor, found: &BTreeSet<String>) -> Finding {
    if descriptor.rules.is_empty() {
        return skipped("it lists no rules");
    }
    let silent = descriptor.rules.iter().filter(|rule| !found.contains(&rule.code));
    let silent: Vec<&str> = silent.map(|rule| rule.code.as_str()).collect();
    if silent.is_empty() {
        return Ok(format!("{}, each spoke in a case", counted(descriptor.rules.len(), "rule")));
    }
    skipped(format!("no case makes `{}` speak", silent.join("`, `")))
}

fn tell(failure: &Failure) -> String {
    format!("`{}`: {failure}", failure.code())
}
