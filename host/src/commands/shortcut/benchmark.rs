//! `olive benchmark`.

use olive_schemas::metric::MetricKind;

use super::metrics::{self, Asked};
use super::{Begun, accelerator, choices, data, input};
use crate::cli::shortcuts::BenchmarkArgs;
use crate::commands::{evaluate, say};
use crate::config::Scope;
use crate::error::Error;
use crate::flow;
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
    let mut begun = Begun::new(&args.shortcut)?;
    put(&mut begun, args)?;
    if args.shortcut.dry_run {
        return begun.finish("benchmark", "benchmark");
    }
    let source = begun.write("benchmark", "benchmark")?;
    let measured = flow::accept_text(&begun.host, source, Scope::run(None))
        .and_then(|it| evaluate::measure(&begun.host, &it, None, &choices(&args.shortcut)));
    say(&measured.map_err(|error| begun.traced(error))?);
    Ok(())
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
