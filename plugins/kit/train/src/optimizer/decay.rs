//! Which parameters decay.

/// Whether weight decay applies to the parameter of this name: to all but biases and norms, by
/// transformers' `get_decay_parameter_names`.
pub(super) fn decays(name: &str) -> bool {
    let name = name.to_lowercase();
    let is_norm = |part: &str| part == "norm" || part.ends_with("_norm");
    let excluded = ["bias", "layernorm", "rmsnorm"].iter().any(|word| name.contains(word));
    !excluded && !name.split('.').any(is_norm)
}

#[cfg(test)]
mod tests {
    use super::decays;

    #[test]
    fn biases_and_norms_do_not_decay() {
        assert!(decays("model.layers.0.self_attn.q_proj.lora_A.weight"));
        assert!(decays("model.layers.0.mlp.down_proj.lora_magnitude_vector"));
        assert!(decays("lm_head.weight"));
        assert!(decays("model.normal.weight"));
        assert!(!decays("model.layers.0.self_attn.q_proj.bias"));
        assert!(!decays("model.layers.0.input_layernorm.weight"));
        assert!(!decays("model.norm.weight"));
        assert!(!decays("model.layers.0.self_attn.q_norm.weight"));
    }
}
