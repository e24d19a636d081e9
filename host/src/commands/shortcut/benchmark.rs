//! `olive benchmark`.

use std::path::Path;

use olive_schemas::metric::MetricKind;

use super::metrics::{self, Asked};
use super::{Begun, accelerator, choices, data, input};
use crate::cli::shortcuts::BenchmarkArgs;
use crate::commands::{absolute, evaluate, say};
use crate::config::Scope;
use crate::error::Error;
use crate::flow;
use crate::output;
use crate::plan::Choices;
use crate::shortcut::figures::Figure;

/// Figures that need no data.
const ALWAYS: [(MetricKind, &str); 5] = [
    (MetricKind::Latency, "avg"),
    (MetricKind::Latency, "p50"),
    (MetricKind::Latency, "p90"),
    (MetricKind::Throughput, "avg"),
    (MetricKind::SizeOnDisk, "bytes"),
];

/// Measures a model.
pub(in crate::commands) fn run(args: &BenchmarkArgs) -> Result<(), Error> {
    let folder = args.shortcut.output_path.as_deref();
    check(args, folder)?;
    let mut begun = Begun::new(&args.shortcut)?;
    put(&mut begun, args)?;
    if args.shortcut.dry_run {
        return begun.finish("benchmark", "benchmark");
    }
    let source = begun.write("benchmark", "benchmark")?;
    let choices =
        Choices { output_dir: folder.map(absolute).transpose()?, ..choices(&args.shortcut) };
    let measured = flow::accept_text(&begun.host, source, Scope::run(None))
        .and_then(|it| evaluate::measure(&begun.host, &it, None, &choices));
    let mut measured = measured.map_err(|error| begun.traced(error))?;
    let placed = folder.map(|folder| output::place_figures(&mut measured, folder)).transpose();
    if placed.is_err() {
        // What was measured is told all the same, and no folder that lacks it.
        measured.output_dir = None;
    }
    say(&evaluate::told(&begun.host, &measured));
    placed?;
    Ok(())
}

/// Refuses what would change nothing, and a folder that figures do not go into.
fn check(args: &BenchmarkArgs, folder: Option<&Path>) -> Result<(), Error> {
    if args.shortcut.force {
        let message = "`--force` changes nothing: no estimate keeps a model from being measured";
        return Err(Error::Usage(message.into()));
    }
    let Some(folder) = folder else { return Ok(()) };
    if output::holds_result(folder) {
        let message =
            format!("`{}` holds the result of a run: name another folder", folder.display());
        return Err(Error::Usage(message));
    }
    Ok(output::check_writable(folder)?)
}

fn put(begun: &mut Begun<'_>, args: &BenchmarkArgs) -> Result<(), Error> {
    let draft = &mut begun.draft;
    input::put(draft, &args.model.model_name_or_path, &args.model.extras);
    accelerator::put(draft, &args.accelerator);
    let has_data = data::put(draft, "data", &args.data, &[])?;
    let figures = ALWAYS.iter().map(|&(kind, name)| Figure { kind, name });
    let mut asked: Vec<Asked> = figures.map(Asked::told).collect();
    let quality = |name| Asked::told(Figure { kind: MetricKind::Accuracy, name });
    if has_data {
        asked.push(quality("perplexity"));
    }
    if args.data.answer_template.is_some() {
        asked.push(quality("exact_match"));
    }
    metrics::put(draft, &asked, (&args.data, "data"), &args.measure)
}
