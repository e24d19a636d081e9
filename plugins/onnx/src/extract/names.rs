//! Names of parameters and modules of adapters.

use super::AdapterType;

/// Parts of the names of PEFT's parameters.
pub(super) const fn parameters(kind: AdapterType) -> &'static [&'static str] {
    match kind {
        AdapterType::Lora => &["lora_A", "lora_B"],
        AdapterType::Dora => &["lora_A", "lora_B", "lora_magnitude_vector"],
        AdapterType::Loha => &["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"],
    }
}

/// Whether `name` is of a matrix of `LoHa`.
pub(super) fn is_hadamard(name: &str) -> bool {
    parameters(AdapterType::Loha).iter().any(|part| name.contains(part))
}

/// Whether `name` is of the matrix that comes first; `None` when it is of none.
pub(super) fn is_first(name: &str) -> Option<bool> {
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    match (
        has(&["lora_A", "dora_A", "_w1_a", "_w2_a"]),
        has(&["lora_B", "dora_B", "_w1_b", "_w2_b"]),
    ) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// The module of an adapter, in PEFT's words, that a node called `name` belongs to.
///
/// `PyTorch`'s older exporter names nodes by modules, of which the adapter's are called `default`,
/// and ends with the operator.
pub(super) fn module(name: &str, kind: AdapterType) -> Option<String> {
    let mut parts: Vec<&str> = name.trim_start_matches('/').split(['/', '.']).collect();
    let operator = parts.pop()?;
    let last = parts.pop()?;
    let is_product = matches!(operator, "MatMul" | "MatMul_Q4");
    let parameter = match (kind, last) {
        (AdapterType::Lora, "default" | "default_0" | "lora_A") if is_product => "lora_A",
        (AdapterType::Lora, "default_1" | "default_0_1" | "lora_B") if is_product => "lora_B",
        (AdapterType::Dora, "default") if operator == "Div" => "dora_M",
        (AdapterType::Dora, "default" | "default_1") if is_product => {
            parts.pop().filter(|&around| around == "default")?;
            if last == "default" { "dora_A" } else { "dora_B" }
        }
        _ => return None,
    };
    parts.push(parameter);
    Some(parts.join("."))
}

#[cfg(test)]
mod tests {
    use super::{AdapterType, module};

    #[test]
    fn modules_are_called_as_olive_calls_them() {
        use AdapterType::{Dora, Loha, Lora};
        let rows = [
            (Lora, "/layers.0/q_proj/default/MatMul", Some("layers.0.q_proj.lora_A")),
            (Lora, "/layers.0/q_proj/default_1/MatMul_Q4", Some("layers.0.q_proj.lora_B")),
            (Lora, "/layers.0/q_proj/default_0_1/MatMul", Some("layers.0.q_proj.lora_B")),
            (Lora, "/layers.0/q_proj/lora_A/MatMul", Some("layers.0.q_proj.lora_A")),
            (Lora, "/layers.0/q_proj/MatMul", None),
            (Lora, "/layers.0/q_proj/default/Mul", None),
            (Dora, "/q_proj/default/default/MatMul", Some("q_proj.dora_A")),
            (Dora, "/q_proj/default/default_1/MatMul", Some("q_proj.dora_B")),
            (Dora, "/q_proj/default/Div", Some("q_proj.dora_M")),
            (Dora, "/q_proj/default/MatMul", None),
            (Loha, "/q_proj/default/MatMul", None),
            (Lora, "MatMul", None),
        ];
        for (kind, name, expected) in rows {
            assert_eq!(module(name, kind).as_deref(), expected, "{kind:?} {name}");
        }
    }
}
