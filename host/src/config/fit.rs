//! Whether a pass can work for the accelerator of the workflow, as its schema says.

use olive_schemas::advice::AcceleratorRule;
use olive_schemas::diagnostic::Diagnostic;
use serde::Deserialize;
use serde_json::Value;

use super::advice::{filled, is_fit};
use super::references::ACCELERATORS;
use super::schema::quoted;

/// How a pass with `settings`, which hold their defaults, does not fit the accelerator.
///
/// The first broken rule speaks: they go from the most telling to the most general.
pub fn misfits(
    settings: &Value,
    schema: &Value,
    device: &str,
    execution_provider: &str,
) -> Vec<Diagnostic> {
    let marks = schema.get(ACCELERATORS).and_then(Value::as_array).into_iter().flatten();
    let mut rules = marks.filter_map(|mark| AcceleratorRule::deserialize(mark).ok());
    let broken = rules.find(|rule| {
        is_fit(settings, rule.condition.as_ref())
            && !(is_among(&rule.devices, device)
                && is_among(&rule.execution_providers, execution_provider))
    });
    let names = [("device", device), ("execution_provider", execution_provider)];
    broken.map(|rule| tell(&rule, settings, &names)).into_iter().collect()
}

/// Whether a list names `name`; one that is left out names everything.
fn is_among(list: &[String], name: &str) -> bool {
    list.is_empty() || list.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn tell(rule: &AcceleratorRule, settings: &Value, names: &[(&str, &str)]) -> Diagnostic {
    let message = rule.message.clone().unwrap_or_else(|| {
        let fitting = rule.devices.iter().chain(&rule.execution_providers);
        let fitting: Vec<&str> = fitting.map(String::as_str).collect();
        let asked = "the workflow is for `{execution_provider}` on `{device}`";
        format!("{asked}, but this works on {}", quoted(&fitting))
    });
    let message = filled(&message, settings, names);
    let mut told = Diagnostic::error("accelerator-mismatch", &rule.at, message);
    told.help = rule.help.as_ref().map(|help| filled(help, settings, names));
    told
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::misfits;

    #[track_caller]
    fn check(settings: &Value, device: &str, provider: &str, expected: Option<(&str, &str)>) {
        let schema = json!({"x-olive-accelerators": [
            {
                "if": {"properties": {"precision": {"const": "fp16"}}},
                "at": "/precision",
                "execution_providers": ["CUDAExecutionProvider", "DmlExecutionProvider"],
                "message": "`{/precision}` is not for `{execution_provider}`",
                "help": "use a GPU instead of {device}"
            },
            {"devices": ["cpu"], "execution_providers": ["CPUExecutionProvider"]},
            {"devices": ["moon"], "from_the_future": true}
        ]});
        let found = misfits(settings, &schema, device, provider);
        let told: Vec<_> =
            found.iter().map(|told| (told.pointer.as_str(), told.message.as_str())).collect();
        assert_eq!(told, expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn the_first_broken_rule_speaks() {
        let fp16 = json!({"precision": "fp16"});
        let said = "`fp16` is not for `CPUExecutionProvider`";
        check(&fp16, "cpu", "CPUExecutionProvider", Some(("/precision", said)));
        let said = "the workflow is for `CUDAExecutionProvider` on `gpu`, but this works on \
                    `cpu`, `CPUExecutionProvider`";
        check(&fp16, "gpu", "CUDAExecutionProvider", Some(("", said)));
        let said = "`fp16` is not for `QNNExecutionProvider`";
        check(&fp16, "npu", "QNNExecutionProvider", Some(("/precision", said)));
    }

    #[test]
    fn what_fits_is_not_told() {
        check(&json!({"precision": "fp32"}), "cpu", "CPUExecutionProvider", None);
        check(&json!({"precision": "int4"}), "CPU", "cpuexecutionprovider", None);
        assert!(misfits(&json!({}), &json!({}), "npu", "QNNExecutionProvider").is_empty());
    }
}
