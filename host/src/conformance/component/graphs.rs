//! How much of its limits a pass uses up on a large graph.

use std::time::Instant;

use olive_sandbox::{CallLimits, Context, Failure, Limits, MachineCode, Sandbox};
use olive_schemas::conformance::ConformanceCase;
use olive_schemas::graph::{Dim, GraphBody, GraphView, NodeView, TensorView, ValueView};
use olive_schemas::validation::GraphPassDescriptor;
use serde_json::Value;

use super::super::report::{Finding, failed, skipped};
use super::{MARGIN, fuel, tell};
use crate::config::defaults::fill;

/// Nodes of the graph, more than a decoder of 80 layers has.
const NODES: u32 = 5_000;
/// Width of its weights.
const WIDTH: i64 = 4096;

/// How much `pass` of the component with this `code` takes for a large graph, with the settings of
/// its first case.
pub(super) fn limits(
    code: &MachineCode,
    pass: &GraphPassDescriptor,
    cases: &[ConformanceCase],
) -> Finding {
    let limits = Limits::default();
    let of_pass = |case: &&ConformanceCase| case.pass.as_ref() == Some(&pass.name);
    let settings = cases.iter().find(of_pass).map(|case| case.config.clone());
    let mut settings = Value::Object(settings.unwrap_or_default());
    fill(&mut settings, &pass.schema);
    let (graph, settings) = (large_graph(), settings.to_string());
    let ask = |fuel| {
        let transform = CallLimits { fuel, ..limits.transform };
        let sandbox = Sandbox::new(Limits { transform, ..limits.clone() })?;
        let component = sandbox.load(code)?;
        component.transform(&pass.name, &graph, &settings, &Context::default()).map(|_| ())
    };
    let start = Instant::now();
    match ask(limits.transform.fuel) {
        Err(Failure::Refused(why)) => return skipped(format!("it refuses a graph of ours: {why}")),
        Err(failure) => {
            let size = graph.len() >> 10;
            return failed(format!("a graph of {NODES} nodes, {size} KB: {}", tell(&failure)));
        }
        Ok(()) => {}
    }
    let time = start.elapsed();
    let used = match fuel(limits.transform.fuel, ask) {
        Ok(used) => used,
        Err(failure) => return failed(tell(&failure)),
    };
    let CallLimits { fuel: fuel_limit, time: time_limit, .. } = limits.transform;
    let told = format!(
        "{} KB of graph take about {used} of {fuel_limit} units of fuel and {} of {} ms",
        graph.len() >> 10,
        time.as_millis(),
        time_limit.as_millis(),
    );
    let is_fine = used <= fuel_limit / u64::from(MARGIN) && time <= time_limit / MARGIN;
    if is_fine { Ok(told) } else { failed(format!("{told}: less than a quarter is safe")) }
}

/// Products one after the other, from `x` to `y`, each with a weight of its own.
fn large_graph() -> String {
    let value = |name: &str| ValueView {
        name: name.to_owned(),
        dtype: Some("FLOAT".into()),
        shape: Some(vec![Dim::Name("tokens".into()), Dim::Size(WIDTH)]),
    };
    let between = |index: u32| match index {
        0 => "x".to_owned(),
        NODES => "y".to_owned(),
        _ => format!("/model/layers/product.{index}/output_0"),
    };
    let weight = |index: u32| format!("model.layers.product.{index}.weight");
    let body = GraphBody {
        name: "main_graph".into(),
        inputs: vec![value("x")],
        outputs: vec![value("y")],
        values: (1..NODES).map(|index| value(&between(index))).collect(),
        weights: (0..NODES)
            .map(|index| TensorView {
                name: weight(index),
                dtype: "FLOAT".into(),
                dims: vec![WIDTH, WIDTH],
                bytes: 4 * WIDTH.unsigned_abs().pow(2),
                file: Some("model.onnx.data".into()),
                values: None,
            })
            .collect(),
        nodes: (0..NODES)
            .map(|index| NodeView {
                id: index,
                name: format!("/model/layers/product.{index}/MatMul"),
                op_type: "MatMul".into(),
                inputs: vec![between(index), weight(index)],
                outputs: vec![between(index + 1)],
                ..NodeView::default()
            })
            .collect(),
        ..GraphBody::default()
    };
    let opsets = [(String::new(), 21)].into_iter().collect();
    let view = GraphView { ir_version: 10, opsets, graph: body, ..GraphView::default() };
    serde_json::to_string(&view).unwrap_or_default()
}
