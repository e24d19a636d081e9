//! The subcommands: each runs a part of the flow and shows what came of it.

mod run;
mod plan;
mod report;
mod check;
mod generate;
mod evaluate;
mod import;
mod shortcut;
mod plugin;
mod compile_component;
mod cache;
mod systems;
mod resource;
mod config;
mod data;
mod onnx;
mod schema;
mod init;
mod lsp;

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use crate::cli::{self, Cli, Command, CommonArgs, Format, ThreadArgs};
use crate::error::{BUG, Error};
use crate::host::{Host, colors_errors};
use crate::model;
use crate::plugin::process::memory;
use crate::worker::{self, Tie};

/// The whole program: command line in, exit code out.
pub fn main() -> ExitCode {
    let cli: Cli = match cli::line::parse() {
        Ok(cli) => cli,
        Err(unknown) => {
            panic::set_hook(Box::new(tell_of_bug));
            let run = AssertUnwindSafe(|| end(resource::run(*unknown)));
            return panic::catch_unwind(run).unwrap_or(ExitCode::from(BUG));
        }
    };
    if let Command::Worker(args) = &cli.command {
        let served = match &args.launch {
            Some(manifest) => worker::launch(manifest, &args.write),
            None => worker::serve(match (args.detached, args.chained) {
                (_, true) => Tie::Chained,
                (true, false) => Tie::Detached,
                (false, false) => Tie::Attached,
            }),
        };
        // Without a host nobody is left to be told.
        return served.unwrap_or(ExitCode::FAILURE);
    }
    if matches!(cli.command, Command::CompileComponent) {
        return compile_component::run();
    }
    if let Some(bytes) = cli.memory {
        memory::set_budget(bytes);
    }
    panic::set_hook(Box::new(tell_of_bug));
    panic::catch_unwind(|| dispatch(&cli.command)).unwrap_or(ExitCode::from(BUG))
}

fn dispatch(command: &Command) -> ExitCode {
    let (is_json, result) = match command {
        Command::Run(args) => (args.common.json, run::run(args)),
        Command::Plan(args) => (args.common.json, plan::run(args)),
        Command::Check(args) => match check::run(args) {
            Ok(code) => return ExitCode::from(code),
            Err(error) => (args.format() != Format::Text, Err(error)),
        },
        Command::Report(args) => (false, report::run(args)),
        Command::Generate(args) => (args.common.json, generate::run(args)),
        Command::Evaluate(args) => (args.common.json, evaluate::run(args)),
        Command::Data(command) => data::run(command),
        Command::Onnx(command) => onnx::run(command),
        Command::Import(args) => (args.common.json, import::run(args)),
        Command::Finetune(args) => (args.shortcut.common.json, shortcut::finetune(args)),
        Command::Quantize(args) => (args.shortcut.common.json, shortcut::quantize(args)),
        Command::Convert(args) => (args.shortcut.common.json, shortcut::convert(args)),
        Command::Optimize(args) => (args.shortcut.common.json, shortcut::optimize(args)),
        Command::Auto(args) => (args.shortcut.common.json, shortcut::auto(args)),
        Command::Benchmark(args) => (args.shortcut.common.json, shortcut::benchmark(args)),
        Command::RunPass(args) => (args.shortcut.common.json, shortcut::run_pass(args)),
        Command::Plugin(command) => match plugin::run(command) {
            (_, Ok(code)) => return ExitCode::from(code),
            (is_json, Err(error)) => (is_json, Err(error)),
        },
        Command::Config(command) => config::run(command),
        Command::Systems(command) => match systems::run(command) {
            (_, Ok(code)) => return ExitCode::from(code),
            (is_json, Err(error)) => (is_json, Err(error)),
        },
        Command::Init(args) => (args.common.json, init::run(args)),
        Command::Schema(args) => (args.common.json, schema::run(args)),
        Command::Lsp(args) => match lsp::run(args) {
            Ok(code) => return ExitCode::from(code),
            Err(error) => (false, Err(error)),
        },
        Command::Cache(command) => cache::run(command),
        Command::Worker(_) | Command::CompileComponent => (false, Ok(())),
    };
    end((is_json, result))
}

/// The exit code of a command that ended so; shows its error.
fn end((is_json, result): (bool, Result<(), Error>)) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if is_json {
                error.show_json();
            } else {
                error.show(colors_errors());
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn tell_of_bug(panic: &panic::PanicHookInfo<'_>) {
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let message = panic.payload_as_str().unwrap_or("no message");
    let _ = writeln!(
        io::stderr(),
        "error[bug]: olive {} stopped{place}: {message}\n  = help: this is a bug of Olive: please \
         report it with this message",
        env!("CARGO_PKG_VERSION"),
    );
}

/// The host of a command without a config: the project is that of the working directory.
fn host(common: &CommonArgs) -> Result<Host, Error> {
    host_in(common, Path::new("."))
}

/// The host of a command about `config`: the project is that of its folder.
fn host_of(common: &CommonArgs, config: &Path) -> Result<Host, Error> {
    host_in(common, folder_of(config))
}

/// The folder that the file at `path` is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn host_in(common: &CommonArgs, project: &Path) -> Result<Host, Error> {
    Host::new(
        &common.plugin_dir,
        &absolute(project)?,
        common.json,
        common.log_level.map(Into::into),
    )
}

fn threads(args: &ThreadArgs) -> usize {
    let all = || thread::available_parallelism().map_or(1, usize::from);
    args.threads.map_or_else(all, usize::from)
}

fn recognized(path: Option<&Path>) -> Result<Option<olive_schemas::model::Model>, Error> {
    Ok(path.map(model::recognize).transpose()?)
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path)
        .map_err(|error| Error::Usage(format!("`{}` is no path: {error}", path.display())))
}

/// Writes results to standard output; a reader that is gone is no error.
fn say(text: &str) {
    let mut out = io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
