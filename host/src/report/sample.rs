//! Fixed footprints for tests.

pub(crate) mod searches;

use std::collections::BTreeMap;

use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::error::PluginError;
use olive_schemas::footprint::{
    CurvePoint, Footprint, LogLine, ModelRecord, StepRecord, StepStatus,
};
use olive_schemas::metric::MetricValue;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::step::{Accelerator, LogLevel};
use serde_json::json;

/// Three models, `first`'s being the input, with an exact match or none.
pub(crate) fn shares(shares: &[Option<f64>; 3]) -> Footprint {
    let passes = [None, Some(("second", "Second")), Some(("third", "Third"))];
    let models = passes.iter().zip(shares).enumerate().map(|(index, (pass, share))| {
        let mut model = model(index, *pass);
        model.metrics =
            share.map(|share| metric("tone", "exact_match", share, true)).into_iter().collect();
        model
    });
    footprint(models.collect())
}

/// Four models with every kind of content, and one that lost quality.
pub(crate) fn full() -> Footprint {
    let mut input = model(0, None);
    measure(&mut input, [0.0, 41.2, 24.6], 538_900_000);
    let mut tune = model(1, Some(("tune", "Tune")));
    measure(&mut tune, [0.883, 1.92, 23.1], 39_400_000);
    let mut merge = model(2, Some(("merge", "Merge")));
    measure(&mut merge, [0.883, 1.92, 24.8], 538_900_000);
    let mut build = model(3, Some(("build <int4>", "Build")));
    measure(&mut build, [0.55, 3.71, 61.3], 86_507_520);
    build.model = Some(Model {
        onnx_file_name: Some("model.onnx".into()),
        ..Model::new(ModelKind::Onnx, "/runs/out")
    });
    train(tune.pass_step.as_mut().unwrap());
    merge.pass_step.as_mut().unwrap().status = StepStatus::Reused;
    let mut footprint = footprint(vec![input, tune, merge, build]);
    footprint.diagnostics = vec![
        Diagnostic::new(
            Severity::Warning,
            "quality-loss",
            "/passes/build",
            "`build <int4>` (Build) lowered tone-exact_match from 88.3 % to 55.0 %, by 33.3 points",
        )
        .with_help("try `algo: \"last\"`: 78 % on <this> data"),
        Diagnostic::new(Severity::Note, "renamed-key", "/passes/tune/rr", "`rr` is `r` today"),
    ];
    footprint
}

/// A run that died in its second step.
pub(crate) fn failed() -> Footprint {
    let mut footprint = full();
    footprint.models.truncate(2);
    footprint.output_dir = None;
    footprint.diagnostics.clear();
    let tune = footprint.models.last_mut().unwrap();
    tune.metrics.clear();
    tune.model = None;
    tune.size_bytes = None;
    tune.evaluation_steps.clear();
    let step = tune.pass_step.as_mut().unwrap();
    step.status = StepStatus::Failed;
    step.error = Some(PluginError {
        code: "worker-died".into(),
        message: "the worker was killed by signal 9".into(),
        causes: vec!["<no memory left>".into()],
        help: Some("use a shorter `max_seq_len`".into()),
    });
    footprint
}

fn footprint(models: Vec<ModelRecord>) -> Footprint {
    Footprint {
        workflow_id: "phrase & tone".into(),
        olive_version: "0.1.0".into(),
        threads: 2,
        accelerator: Accelerator::default(),
        start_time: "2026-11-24T18:40:16Z".into(),
        duration_sec: 502.5,
        models,
        diagnostics: Vec::new(),
        goals: Vec::new(),
        search: None,
        origin: None,
        output_dir: Some("/runs/out".into()),
    }
}

fn model(index: usize, pass: Option<(&str, &str)>) -> ModelRecord {
    let id = |index: usize| format!("{}aabbccddeeff", (index + 1).to_string().repeat(10));
    ModelRecord {
        model_id: id(index),
        parent_model_id: index.checked_sub(1).map(id),
        model: Some(Model::new(ModelKind::Hf, format!("/store/{index}/model"))),
        pass_name: pass.map(|(name, _)| name.into()),
        from_pass: pass.map(|(_, kind)| kind.into()),
        pass_run_config: pass.map(|_| json!({"r": 64, "text": "<script>alert(1)</script>"})),
        pass_step: pass.map(|_| step(index)),
        evaluation_steps: Vec::new(),
        size_bytes: None,
        metrics: Vec::new(),
    }
}

fn step(index: usize) -> StepRecord {
    StepRecord {
        key: format!("{index:064x}"),
        plugin: "olive_plugin_toy@0.1.0".into(),
        status: StepStatus::Ran,
        start_time: "2026-11-24T18:40:16Z".into(),
        end_time: "2026-11-24T18:40:26Z".into(),
        duration_sec: 10.0,
        cpu_sec: Some(19.2),
        peak_memory_bytes: Some(1_503_238_553),
        curve: Vec::new(),
        log: vec![LogLine { level: LogLevel::Info, message: "read <32> tensors & more".into() }],
        error: None,
    }
}

fn measure(model: &mut ModelRecord, [share, perplexity, speed]: [f64; 3], bytes: u64) {
    model.size_bytes = Some(bytes);
    model.evaluation_steps =
        vec![StepRecord { duration_sec: 21.4, cpu_sec: Some(40.2), ..step(9) }];
    model.metrics = vec![
        metric("tone", "exact_match", share, true),
        metric("tone", "perplexity", perplexity, false),
        metric("speed", "avg", speed, true),
    ];
}

fn metric(metric: &str, sub_type: &str, value: f64, higher_is_better: bool) -> MetricValue {
    MetricValue {
        metric: metric.into(),
        sub_type: sub_type.into(),
        value,
        priority: 1,
        higher_is_better,
        uncertainty: None,
    }
}

/// Forty steps of a falling loss with four evaluations.
fn train(step: &mut StepRecord) {
    (step.duration_sec, step.cpu_sec) = (413.2, Some(801.0));
    step.log.push(LogLine {
        level: LogLevel::Warning,
        message: "</pre><script>alert('log')</script>".into(),
    });
    step.curve = (1..=40_u32)
        .map(|done| {
            let part = f64::from(done) / 40.0;
            let wobble = 0.12 * (f64::from(done) * 1.7).sin();
            let mut figures = BTreeMap::from([
                ("loss".to_owned(), 1.05 + 2.0 * (-4.0 * part).exp() + wobble),
                ("learning_rate".to_owned(), 1e-4 * (part * 10.0).min(1.0) * (1.1 - part)),
                ("tokens_per_second".to_owned(), 218.0 + 9.0 * wobble),
                ("grad_norm".to_owned(), 1.2 + wobble),
                ("tokens".to_owned(), 512.0 * f64::from(done)),
            ]);
            if done % 10 == 0 {
                figures.insert("eval_loss".into(), 1.2 + 2.0 * (-4.0 * part).exp());
            }
            CurvePoint { unit: "step".into(), done: done.into(), figures }
        })
        .collect();
}
