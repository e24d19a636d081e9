//! What is told about a model of a package, in the files that Olive's packages have.

use olive_plugin_api::{Accelerator, Candidate, MetricValue, Model, Package};
use serde_json::{Map, Value, json};

use crate::contents::Contents;
use crate::error::PackageError;

/// `<device>-<execution provider>`, as Olive names accelerators: `gpu-cuda`.
pub(crate) fn accelerator_name(accelerator: &Accelerator) -> String {
    let provider = accelerator.execution_provider.trim_end_matches("ExecutionProvider");
    format!("{}-{}", accelerator.device.name(), provider.to_lowercase())
}

/// Adds what is told about the model of `rank`, whose files lie at `model_path` of the package, to
/// `folder`; gives the same for `models_rank.json`.
pub(crate) fn describe(
    package: &Package,
    (rank, candidate): (usize, &Candidate),
    model_path: &str,
    folder: &str,
    contents: &mut Contents,
) -> Result<Value, PackageError> {
    let Candidate { model, metrics, history, .. } = candidate;
    let settings = history.iter().map(|step| (step.model_id.clone(), json!(step.pass_run_config)));
    let settings: Map<String, Value> = settings.collect();
    contents.add_json(format!("{folder}/configurations.json"), &settings.into())?;
    let inference = model.inference_settings.as_ref().map_or_else(|| json!({}), |it| json!(it));
    contents.add_json(format!("{folder}/inference_config.json"), &inference)?;
    if !metrics.is_empty() {
        let both = json!({
            "input_model_metrics": figures(&package.input_metrics),
            "candidate_model_metrics": figures(metrics),
        });
        contents.add_json(format!("{folder}/metrics.json"), &both)?;
    }
    let info = json!({
        "rank": rank,
        "model_config": model_config(model, model_path),
        "metrics": figures(metrics),
    });
    contents.add_json(format!("{folder}/model_info.json"), &info)?;
    Ok(info)
}

/// The model as a config names it, lying at `model_path`.
fn model_config(model: &Model, model_path: &str) -> Value {
    let mut config = json!(model);
    if let Some(config) = config.as_object_mut() {
        config.remove("type");
        let has_adapter = model.adapter_path.is_some();
        let file = model.model_path.file_name().filter(|_| model.model_path.is_file());
        let place = match file {
            Some(name) => format!("{model_path}/{}", name.to_string_lossy()),
            None if has_adapter => format!("{model_path}/model"),
            None => model_path.to_owned(),
        };
        config.insert("model_path".into(), place.into());
        if has_adapter {
            config.insert("adapter_path".into(), format!("{model_path}/adapter").into());
        }
    }
    json!({"type": model.kind, "config": config})
}

/// Figures by their names, as Olive writes them.
fn figures(metrics: &[MetricValue]) -> Value {
    let figure = |metric: &MetricValue| {
        let MetricValue { value, priority, higher_is_better, .. } = metric;
        let told = json!({
            "value": value, "priority": priority, "higher_is_better": higher_is_better
        });
        (metric.key(), told)
    };
    Value::Object(metrics.iter().map(figure).collect())
}

#[cfg(test)]
mod tests {
    use olive_plugin_api::{Accelerator, Device};

    use super::accelerator_name;

    #[test]
    fn accelerators_are_named_as_in_olive() {
        for (device, provider, name) in [
            (Device::Cpu, "CPUExecutionProvider", "cpu-cpu"),
            (Device::Gpu, "CUDAExecutionProvider", "gpu-cuda"),
            (Device::Npu, "QNNExecutionProvider", "npu-qnn"),
        ] {
            let accelerator = Accelerator { device, execution_provider: provider.into() };
            assert_eq!(accelerator_name(&accelerator), name);
        }
    }
}
