use olive_kit_checkpoint::Checkpoint;
use olive_kit_testing::fixture;

use super::*;

fn decoder(name: &str) -> Decoder {
    Checkpoint::open(fixture(name)).unwrap().decoder().clone()
}

fn listed(names: &[&str]) -> Names {
    Names::Listed(names.iter().map(|&name| name.to_owned()).collect())
}

fn targeting(names: &[&str]) -> TargetSpec {
    TargetSpec { modules: Some(TargetModules::Named(listed(names))), ..TargetSpec::default() }
}

fn matching(pattern: &str) -> TargetSpec {
    let names = Names::Pattern(pattern.to_owned());
    TargetSpec { modules: Some(TargetModules::Named(names)), ..TargetSpec::default() }
}

fn check_adapted(model: &str, spec: &TargetSpec, expected: &[&str]) {
    let targets = resolve(&decoder(model), spec).unwrap();
    let paths: Vec<_> = targets.linears.iter().map(|linear| linear.name.as_str()).collect();
    assert_eq!(paths, expected);
}

fn check_refused(spec: &TargetSpec, expected: &[(&str, Option<usize>, &str)]) {
    let problems = resolve(&decoder("tiny-llama"), spec).unwrap_err();
    let found: Vec<_> = problems
        .iter()
        .map(|p| {
            let help = p.help.as_deref().map_or(String::new(), |help| format!("; {help}"));
            (p.setting, p.index, format!("{}{help}", p.message))
        })
        .collect();
    let expected: Vec<_> =
        expected.iter().map(|&(setting, index, text)| (setting, index, text.to_owned())).collect();
    assert_eq!(found, expected);
}

#[test]
fn names_match_the_end_of_a_path_after_a_dot() {
    let spec = targeting(&["v_proj", "model.layers.0.mlp.up_proj"]);
    let expected = [
        "model.layers.0.self_attn.v_proj",
        "model.layers.0.mlp.up_proj",
        "model.layers.1.self_attn.v_proj",
    ];
    check_adapted("tiny-llama", &spec, &expected);
}

#[test]
fn a_pattern_matches_whole_paths() {
    let spec = matching(r"model\.layers\.(?!0).*\.(q|k)_proj");
    let expected = ["model.layers.1.self_attn.q_proj", "model.layers.1.self_attn.k_proj"];
    check_adapted("tiny-llama", &spec, &expected);
}

#[test]
fn all_linear_leaves_the_head_out() {
    let spec = TargetSpec { modules: Some(TargetModules::AllLinear), ..TargetSpec::default() };
    let targets = resolve(&decoder("tiny-phi3"), &spec).unwrap();
    assert_eq!(targets.linears.len(), 8);
    let names = ["down_proj", "gate_up_proj", "o_proj", "qkv_proj"];
    assert_eq!(targets.modules, listed(&names));
}

#[test]
fn the_family_decides_when_nothing_is_said() {
    for (model, names) in
        [("tiny-phi3", ["o_proj", "qkv_proj"]), ("tiny-llama", ["q_proj", "v_proj"])]
    {
        let targets = resolve(&decoder(model), &TargetSpec::default()).unwrap();
        assert_eq!((targets.modules, targets.linears.len()), (listed(&names), 4));
    }
}

#[test]
fn the_head_can_be_adapted_by_name() {
    check_adapted("tiny-llama", &targeting(&["lm_head"]), &["lm_head"]);
    check_adapted("tiny-phi3", &targeting(&["lm_head"]), &["lm_head"]);
}

#[test]
fn excluded_and_saved_modules_are_not_adapted() {
    let spec = TargetSpec {
        exclude: Some(listed(&["0.self_attn.q_proj"])),
        modules_to_save: vec!["1.self_attn.v_proj".into(), "1.input_layernorm".into()],
        ..targeting(&["q_proj", "v_proj"])
    };
    let expected = ["model.layers.0.self_attn.v_proj", "model.layers.1.self_attn.q_proj"];
    check_adapted("tiny-llama", &spec, &expected);
    let saved = resolve(&decoder("tiny-llama"), &spec).unwrap().saved;
    let paths: Vec<_> = saved.iter().map(|saved| saved.path.as_str()).collect();
    assert_eq!(paths, ["model.layers.1.input_layernorm", "model.layers.1.self_attn.v_proj"]);
}

#[test]
fn a_module_that_holds_others_is_saved_with_all_of_them() {
    let spec = TargetSpec {
        modules_to_save: vec!["0.mlp".into(), "lm_head".into(), "embed_tokens".into()],
        ..targeting(&["q_proj"])
    };
    let saved = resolve(&decoder("tiny-llama"), &spec).unwrap().saved;
    let found: Vec<_> = saved.iter().map(|s| (s.path.as_str(), s.shape.as_slice())).collect();
    let expected: [(&str, &[usize]); 5] = [
        ("model.embed_tokens", &[512, 64]),
        ("model.layers.0.mlp.gate_proj", &[128, 64]),
        ("model.layers.0.mlp.up_proj", &[128, 64]),
        ("model.layers.0.mlp.down_proj", &[64, 128]),
        ("lm_head", &[512, 64]),
    ];
    assert_eq!(found, expected);
}

#[test]
fn layers_are_chosen_by_number() {
    let spec = TargetSpec { layers: vec![1], ..targeting(&["q_proj"]) };
    check_adapted("tiny-llama", &spec, &["model.layers.1.self_attn.q_proj"]);
    let spec = TargetSpec { layers_pattern: vec!["layers".into()], ..spec };
    check_adapted("tiny-llama", &spec, &["model.layers.1.self_attn.q_proj"]);
    let spec = TargetSpec { modules: Some(TargetModules::AllLinear), ..spec };
    assert_eq!(resolve(&decoder("tiny-llama"), &spec).unwrap().linears.len(), 7);
}

#[test]
fn names_of_nothing_are_told_with_what_was_meant() {
    let spec = TargetSpec {
        exclude: Some(listed(&["k_prj"])),
        modules_to_save: vec!["lm_heads".into()],
        layers: vec![0, 2],
        ..targeting(&["q_proj", "vproj", "input_layernorm", "mlp"])
    };
    let known = "the model has `down_proj`, `gate_proj`, `k_proj`, `lm_head`, `o_proj`, `q_proj`, \
                 `up_proj`, `v_proj`";
    let norm = "`model.layers.0.input_layernorm` is no linear layer, and only those can be \
                adapted; name it in `modules_to_save` to train it whole";
    let mlp =
        format!("`model.layers.0.mlp` is no linear layer, and only those can be adapted; {known}");
    check_refused(
        &spec,
        &[
            (
                "modules_to_save",
                Some(0),
                "`lm_heads` is no module of the model; did you mean `lm_head`?",
            ),
            (
                "exclude_modules",
                Some(0),
                "`k_prj` is no linear layer of the model; did you mean `k_proj`?",
            ),
            ("layers_to_transform", Some(1), "there is no layer 2: the model has 2, from 0"),
            (
                "target_modules",
                Some(1),
                "`vproj` is no linear layer of the model; did you mean `v_proj`?",
            ),
            ("target_modules", Some(2), norm),
            ("target_modules", Some(3), &mlp),
        ],
    );
    let nothing = format!("`qkv` is no linear layer of the model; {known}");
    check_refused(&targeting(&["qkv"]), &[("target_modules", Some(0), &nothing)]);
    let empty = format!("the list is empty; {known}");
    check_refused(&targeting(&[]), &[("target_modules", None, &empty)]);
}

#[test]
fn patterns_that_cannot_be_meant_are_told() {
    let nothing = "`q_proj` matches no linear layer; the pattern is to match whole paths, such as \
                   `model.layers.0.self_attn.q_proj`";
    check_refused(&matching("q_proj"), &[("target_modules", None, nothing)]);
    let attention = "`model.layers.0.self_attn` is no linear layer, and only those can be adapted; \
                     the model has `down_proj`, `gate_proj`, `k_proj`, `lm_head`, `o_proj`, \
                     `q_proj`, `up_proj`, `v_proj`";
    check_refused(&matching(r".*\.0\.self_attn.*"), &[("target_modules", None, attention)]);
    let problems = resolve(&decoder("tiny-llama"), &matching("(q")).unwrap_err();
    assert!(problems[0].message.starts_with("`(q` is no regular expression: "), "{problems:?}");
    let spec = TargetSpec { layers: vec![0], ..matching(r".*q_proj") };
    let problems = resolve(&decoder("tiny-llama"), &spec).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "`layers_to_transform`: it cannot be combined with a pattern in `target_modules`"
    );
}

#[test]
fn nothing_left_to_adapt_is_a_problem() {
    let spec = TargetSpec { exclude: Some(listed(&["q_proj"])), ..targeting(&["q_proj"]) };
    let problems = resolve(&decoder("tiny-llama"), &spec).unwrap_err();
    assert_eq!(problems[0].message, "no layer is left to adapt");
}
