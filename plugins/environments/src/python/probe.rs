//! Whether steps can run in the environment: its interpreter, and what plugins import.

use std::time::Duration;

use olive_plugin_api::{Diagnostic, Severity, StepContext};

use super::config::PythonEnvironmentConfig;
use super::environment::Environment;
use crate::error::EnvironmentError;
use crate::program::output;

/// Longest time that the interpreter may take to start, and to import what is heavy.
const PATIENCE: Duration = Duration::from_mins(2);
/// Says which version this is.
const VERSION: &str = "import platform; print(platform.python_version())";
/// Tries to import each argument; a line with its place in the list for each that fails.
const IMPORT: &str = "\
import importlib, sys
for place, name in enumerate(sys.argv[1:]):
    try:
        importlib.import_module(name)
    except BaseException as error:
        print(f'@{place} {str(error) or type(error).__name__}'.splitlines()[0])
";

/// What keeps jobs from running, and what was found.
pub(super) fn probe(config: &PythonEnvironmentConfig, ctx: &StepContext<'_>) -> Vec<Diagnostic> {
    look(config, ctx).unwrap_or_else(|error| vec![error.finding()])
}

fn look(
    config: &PythonEnvironmentConfig,
    ctx: &StepContext<'_>,
) -> Result<Vec<Diagnostic>, EnvironmentError> {
    let environment = Environment::find(config)?;
    let ask = |program: &str, modules: &[String]| ask(&environment, config, program, modules, ctx);
    let version = ask(VERSION, &[])?;
    let python = environment.python.display();
    let message = format!("Python {} runs as `{python}`", version.trim());
    let mut found = vec![Diagnostic::new(Severity::Note, "found", "", message)];
    let modules = &config.required_modules;
    if modules.is_empty() {
        return Ok(found);
    }
    let said = ask(IMPORT, modules)?;
    let failures = said.lines().filter_map(|line| line.strip_prefix('@')?.split_once(' '));
    for (place, why) in failures {
        let name = place.parse::<usize>().ok().and_then(|place| modules.get(place));
        let name = name.map_or("", String::as_str);
        let message = format!("`{name}` cannot be imported: {why}");
        let package = name.split('.').next().unwrap_or_default();
        let help = format!("install it: `{python} -m pip install {package}`");
        let pointer = format!("/required_modules/{place}");
        found.push(Diagnostic::error("module-missing", pointer, message).with_help(help));
    }
    Ok(found)
}

/// What the interpreter says to `program`.
fn ask(
    environment: &Environment,
    config: &PythonEnvironmentConfig,
    program: &str,
    arguments: &[String],
    ctx: &StepContext<'_>,
) -> Result<String, EnvironmentError> {
    let name = environment.python.display().to_string();
    let mut command = environment.command(config);
    command.arg("-c").arg(program).args(arguments);
    let output = output(command, &name, PATIENCE, &|| ctx.is_cancelled())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = || said.lines().rev().filter(|line| !line.trim().is_empty());
    let last = lines().find(|line| line.contains("Error")).or_else(|| lines().next());
    let problem = format!("`{name}` does not run: {}", last.unwrap_or("it says nothing").trim());
    Err(EnvironmentError::Setting {
        pointer: "/python_environment_path".into(),
        problem,
        help: "make the environment anew: `python3 -m venv`, and install its packages again".into(),
    })
}
