//! Fixed footprints of searches.

use std::collections::BTreeMap;

use olive_schemas::error::PluginError;
use olive_schemas::footprint::{CurvePoint, Footprint, ModelRecord, StepRecord, StepStatus};
use olive_schemas::goal::{Goal, GoalKind, GoalOutcome};
use olive_schemas::metric::{MetricValue, Uncertainty};
use olive_schemas::origin::{InputFile, Machine, Origin};
use olive_schemas::search::{
    Choice, ExecutionOrder, Objective, Sampler, SearchEnd, SearchRecord, TrialOutcome, TrialRecord,
};
use serde_json::json;

use super::{footprint, metric, model, step};

/// A variant of the pass `quantize`: its type, bits, block size, and what was measured: MiB, the
/// share of exact matches, the perplexity.
type Variant = (&'static str, u32, u32, Option<(u32, f64, f64)>);

const VARIANTS: [Variant; 14] = [
    ("KQuant", 8, 128, Some((152, 0.882, 1.95))),
    ("KQuant", 8, 32, Some((160, 0.884, 1.93))),
    ("KQuant", 4, 128, Some((82, 0.801, 2.61))),
    ("Hqq", 4, 128, None),
    ("Hqq", 4, 64, Some((96, 0.857, 2.11))),
    ("Hqq", 4, 16, Some((121, 0.871, 2.02))),
    ("KQuant", 4, 32, Some((88, 0.864, 2.05))),
    ("Rtn", 4, 128, Some((80, 0.552, 3.71))),
    ("Rtn", 4, 32, Some((86, 0.713, 2.98))),
    ("Rtn", 8, 128, None),
    ("KQuant", 16, 32, None),
    ("Rtn", 2, 32, Some((60, 0.112, 9.4))),
    ("Hqq", 2, 16, Some((70, 0.402, 5.2))),
    ("Hqq", 2, 128, None),
];
/// Trials that no other beats, and the one that is chosen.
const FRONT: [usize; 4] = [1, 2, 6, 7];
const CHOSEN: usize = 7;

/// Fourteen trials that share a training which was done before, with every outcome among them.
pub(crate) fn full() -> Footprint {
    let mut trials = Vec::new();
    let mut models = vec![input()];
    for (index, variant) in VARIANTS.into_iter().enumerate() {
        let (trial, model) = trial(index + 1, variant);
        models.extend(model.filter(|_| trial.number != CHOSEN));
        trials.push(trial);
    }
    models.push(tuned());
    models.extend(trial(CHOSEN, VARIANTS[CHOSEN - 1]).1);
    let goals = trials[CHOSEN - 1].goals.clone();
    searched(models, trials, goals)
}

/// A search with one trial, whose model misses its goal.
pub(crate) fn unreached() -> Footprint {
    let (mut trial, model) = trial(1, ("Rtn", 2, 32, Some((60, 0.112, 9.4))));
    trial.is_pareto = false;
    let goals = trial.goals.clone();
    let models = [input(), tuned()].into_iter().chain(model).collect();
    let mut footprint = searched(models, vec![trial], goals);
    let search = footprint.search.as_mut().unwrap();
    (search.chosen, search.nearest, search.variants) = (Vec::new(), Some(1), Some(1));
    search.end = SearchEnd::Exhausted;
    footprint
}

/// Fifty trials without objectives, with names that are long, go from right to left, or are signs.
pub(crate) fn many() -> Footprint {
    const NAMES: [&str; 4] = [
        "كمّي_النموذج",
        "🫒🔬",
        "quantize-the-weights-of-every-linear-layer-in-blocks-of-one-hundred-and-twenty-eight",
        "q",
    ];
    let (mut models, mut trials) = (vec![input(), tuned()], Vec::new());
    for number in 1..=50_u32 {
        let wave = f64::from(number * 37 % 50) / 50.0;
        let measured = (60 + number * 29 % 50, 0.5 + wave * 0.4, 2.0 + wave);
        let index = usize::try_from(number).unwrap();
        let (mut trial, model) = trial(index, ("KQuant", 4, number, Some(measured)));
        let name = NAMES[index % NAMES.len()];
        (trial.is_pareto, trial.goals) = (false, Vec::new());
        trial.choices.iter_mut().for_each(|choice| choice.pass = name.into());
        models.extend(model.map(|model| ModelRecord { pass_name: Some(name.into()), ..model }));
        trials.push(trial);
    }
    let mut footprint = searched(models, trials, Vec::new());
    footprint.workflow_id = format!("שלום 🫒 {}", NAMES[2]);
    let search = footprint.search.as_mut().unwrap();
    (search.objectives, search.chosen) = (Vec::new(), vec![50]);
    footprint
}

/// A search that has only failed.
pub(crate) fn failed() -> Footprint {
    let mut footprint = full();
    let search = footprint.search.as_mut().unwrap();
    search.trials = vec![search.trials[9].clone(), search.trials[3].clone()];
    search.chosen.clear();
    footprint.models.truncate(1);
    (footprint.output_dir, footprint.goals) = (None, Vec::new());
    footprint
}

fn searched(
    models: Vec<ModelRecord>,
    trials: Vec<TrialRecord>,
    goals: Vec<GoalOutcome>,
) -> Footprint {
    let objective =
        |figure: &str, higher_is_better| Objective { figure: figure.into(), higher_is_better };
    let search = SearchRecord {
        execution_order: ExecutionOrder::Joint,
        sampler: Sampler::Tpe,
        seed: 1,
        variants: Some(24),
        objectives: vec![objective("size-bytes", false), objective("tone-exact_match", true)],
        trials,
        chosen: vec![CHOSEN],
        candidates: Vec::new(),
        nearest: None,
        end: SearchEnd::Samples,
    };
    Footprint {
        duration_sec: 330.0,
        goals,
        search: Some(search),
        origin: Some(origin()),
        ..footprint(models)
    }
}

fn origin() -> Origin {
    let words = ["run", "--config", "olive config.json", "--threads", "2"];
    Origin {
        arguments: words.map(str::to_owned).to_vec(),
        working_dir: "/home/ada/tone".into(),
        config_path: "olive config.json".into(),
        config: "{\n  // <smallest> that is good enough\n  \"search_strategy\": true\n}\n".into(),
        inputs: vec![InputFile {
            role: "input model".into(),
            path: "/home/ada/tone/model".into(),
            digest: "5e".repeat(32),
            provenance: None,
        }],
        machine: Machine {
            system: "Linux 6.1".into(),
            processor: Some("A processor with 4 GHz".into()),
            num_processors: 8,
            memory_bytes: Some(32 << 30),
        },
    }
}

fn input() -> ModelRecord {
    let mut input = model(0, None);
    measure(&mut input, (514, 0.883, 1.92), 3);
    input
}

/// The model that all trials share.
fn tuned() -> ModelRecord {
    let mut tuned = model(1, Some(("tune", "Tune")));
    let step = tuned.pass_step.as_mut().unwrap();
    (step.status, step.duration_sec) = (StepStatus::Reused, 413.2);
    step.start_time = "2026-11-23T08:00:00Z".into();
    tuned
}

fn trial(number: usize, variant: Variant) -> (TrialRecord, Option<ModelRecord>) {
    let (kind, bits, block_size, measured) = variant;
    let start = u32::try_from(number % 14).unwrap() * 22 + 5;
    let mut made = model(number + 1, Some(("quantize", kind)));
    made.parent_model_id = model(1, None).model_id.into();
    made.pass_run_config = Some(json!({"bits": bits, "block_size": block_size}));
    made.pass_step = Some(timed(number, start, 5 + bits));
    if let Some(measured) = measured {
        measure(&mut made, measured, start + 5 + bits);
    }
    if number == CHOSEN {
        made.pass_step.as_mut().unwrap().curve = errors();
    }
    let outcome = outcome(number, measured.is_some());
    if matches!(outcome, TrialOutcome::Stopped { .. }) {
        made.metrics = vec![metric("size", "bytes", 3.0e8, false)];
        made.size_bytes = Some(300_000_000);
    }
    if let TrialOutcome::Failed { error, .. } = &outcome {
        let step = made.pass_step.as_mut().unwrap();
        (step.status, step.error, made.model) = (StepStatus::Failed, Some(error.clone()), None);
    }
    let ids = [model(0, None).model_id, model(1, None).model_id, made.model_id.clone()];
    let is_skipped = matches!(outcome, TrialOutcome::Skipped { .. });
    let record = TrialRecord {
        number,
        stage: None,
        choices: choices(kind, bits, block_size),
        models: if is_skipped { Vec::new() } else { ids.to_vec() },
        outcome,
        goals: measured.map(|(_, share, _)| goal(share)).into_iter().collect(),
        is_pareto: FRONT.contains(&number),
        duration_sec: f64::from(17 + bits),
    };
    (record, (!is_skipped).then_some(made))
}

fn choices(kind: &str, bits: u32, block_size: u32) -> Vec<Choice> {
    let choice = |setting: Option<&str>, value| Choice {
        pass: "quantize".into(),
        setting: setting.map(str::to_owned),
        value,
    };
    vec![
        choice(None, json!(kind)),
        choice(Some("bits"), json!(bits)),
        choice(Some("block_size"), json!(block_size)),
    ]
}

fn outcome(number: usize, is_measured: bool) -> TrialOutcome {
    let error = || PluginError::new("no-memory", "8-bit codes of `lm_head` do <not> fit");
    match number {
        _ if is_measured => TrialOutcome::Done,
        10 => TrialOutcome::Failed { step: "quantize (Rtn)".into(), error: error() },
        11 => TrialOutcome::Stopped { figure: "size-bytes".into() },
        _ => TrialOutcome::Skipped { reason: "`Hqq` takes blocks of 16 to 64 weights".into() },
    }
}

fn goal(share: f64) -> GoalOutcome {
    let goal = Goal { kind: GoalKind::MaxDegradation, value: 0.03 };
    GoalOutcome {
        model: "quantize".into(),
        figure: "tone-exact_match".into(),
        higher_is_better: true,
        goal,
        baseline: Some(0.883),
        limit: goal.limit(Some(0.883), true),
        value: Some(share),
    }
}

fn measure(model: &mut ModelRecord, (mib, share, perplexity): (u32, f64, f64), start: u32) {
    model.size_bytes = Some(u64::from(mib) << 20);
    model.evaluation_steps = vec![timed(90, start, 9)];
    model.metrics = vec![
        MetricValue {
            uncertainty: Some(near(share)),
            ..metric("tone", "exact_match", share, true)
        },
        metric("tone", "perplexity", perplexity, false),
        metric("size", "bytes", f64::from(mib << 20), false),
    ];
}

/// Three points around `share`, in thousandths.
fn near(share: f64) -> Uncertainty {
    let (low, high) = ((share - 0.03).max(0.0), (share + 0.03).min(1.0));
    let round = |value: f64| (value * 1000.0).round() / 1000.0;
    Uncertainty { count: 500, stderr: 0.015, low: round(low), high: round(high) }
}

/// A step that began `start` seconds after the run.
fn timed(index: usize, start: u32, seconds: u32) -> StepRecord {
    let clock = |second: u32| {
        let second = 40 * 60 + 16 + second;
        format!("2026-11-24T18:{:02}:{:02}Z", second / 60, second % 60)
    };
    StepRecord {
        start_time: clock(start),
        end_time: clock(start + seconds),
        duration_sec: seconds.into(),
        cpu_sec: Some(f64::from(seconds) * 1.9),
        peak_memory_bytes: Some(400_000_000 + u64::from(start) * 1_000_000),
        ..step(index)
    }
}

/// What rounding cost each of thirty layers.
fn errors() -> Vec<CurvePoint> {
    let point = |layer: u32| {
        let error = 0.002 + 0.0001 * f64::from((layer * 13) % 30) + 0.01 / f64::from(layer);
        CurvePoint {
            unit: "layer".into(),
            done: layer.into(),
            figures: BTreeMap::from([("error".to_owned(), error)]),
        }
    };
    (1..=30).map(point).collect()
}
