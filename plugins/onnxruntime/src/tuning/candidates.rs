//! The ways to run a model that are tried.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use olive_plugin_api::{
    Diagnostic, ExecutionProviders, InferenceSettings, Scalar, SessionOptions, StepContext,
};

use super::config::{Choices, OrtSessionParamsTuningConfig, ProviderChoice};
use crate::error::OnnxError;
use crate::session::SessionSettings;

/// Most ways that are tried.
const LIMIT: usize = 128;

/// Entry of a session's config that pins threads to processors; the calling thread is not among
/// them.
const AFFINITIES: &str = "session.intra_op_thread_affinities";

/// One way to run a model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    /// As a model has it.
    pub(super) settings: InferenceSettings,
}

impl Candidate {
    /// The session of it.
    ///
    /// # Errors
    /// When the settings contradict themselves.
    pub(super) fn session(
        &self,
        ctx: &StepContext<'_>,
        config: &OrtSessionParamsTuningConfig,
    ) -> Result<SessionSettings, OnnxError> {
        Ok(SessionSettings::of(ctx).with(&self.settings)?.on(config.device))
    }
}

impl Display for Candidate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let providers = self.settings.execution_provider.as_ref();
        let provider = providers.map(|names| names.names().join(", ")).unwrap_or_default();
        let options = serde_json::to_string(&self.settings.session_options).unwrap_or_default();
        let told = format!("{provider} {options}");
        match self.settings.provider_options.as_deref() {
            Some([own]) if !own.is_empty() => {
                write!(out, "`{told} {}`", serde_json::to_string(own).unwrap_or_default())
            }
            _ => write!(out, "`{told}`"),
        }
    }
}

/// What of `config` cannot be tried, whatever the model.
pub(super) fn check(
    config: &OrtSessionParamsTuningConfig,
    ctx: &StepContext<'_>,
) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let own = &ctx.accelerator().execution_provider;
    let others = Choices::of(config.providers_list.as_ref()).into_iter().flatten();
    let mut others = others.filter(|choice| choice.name() != own);
    if let Some(other) = others.next()
        && !config.force_evaluate_other_eps
    {
        let other = other.name();
        let message = format!("`{other}` is to be tried, and the workflow is for `{own}`");
        let help = "set `force_evaluate_other_eps` to true, or choose another target";
        problems.push(
            Diagnostic::error("execution-provider", "/providers_list", message).with_help(help),
        );
    }
    let num_ways = candidates(config, ctx).len();
    if num_ways == 0 {
        let message = "a list of values to try is empty: there is no combination";
        let problem = Diagnostic::error("no-candidates", "", message);
        problems.push(problem.with_help("leave the list out, or write a value"));
    } else if num_ways > LIMIT {
        let message = format!("{num_ways} combinations are to be tried; the limit is {LIMIT}");
        let problem = Diagnostic::error("too-many-candidates", "", message);
        problems.push(problem.with_help("shorten the lists, or tune one after the other"));
    }
    problems
}

/// All combinations of what `config` lists; the last list changes fastest.
pub(super) fn candidates(
    config: &OrtSessionParamsTuningConfig,
    ctx: &StepContext<'_>,
) -> Vec<Candidate> {
    let own = || ProviderChoice::Name(ctx.accelerator().execution_provider.clone());
    let mut all = Vec::new();
    for choice in Choices::of(config.providers_list.as_ref()) {
        let choice = choice.unwrap_or_else(own);
        let provider = choice.name().to_owned();
        for options in provider_options(config, &choice) {
            let settings = |session_options| InferenceSettings {
                execution_provider: Some(ExecutionProviders::Many(vec![provider.clone()])),
                provider_options: Some(vec![options.clone()]),
                session_options: Some(session_options),
            };
            let sessions = session_options(config, ctx.threads()).into_iter();
            all.extend(sessions.map(|session| Candidate { settings: settings(session) }));
        }
    }
    all
}

/// Sets of options to try with `choice`, with what the config has for `TensorRT` alone.
fn provider_options(
    config: &OrtSessionParamsTuningConfig,
    choice: &ProviderChoice,
) -> Vec<BTreeMap<String, Scalar>> {
    let sets = match choice {
        ProviderChoice::Pair(_, options) => vec![Some(options.clone())],
        ProviderChoice::Name(_) => Choices::of(config.provider_options_list.as_ref()),
    };
    let with_precision = |set: Option<BTreeMap<String, Scalar>>| {
        let mut options = set.unwrap_or_default();
        if choice.name() == "TensorrtExecutionProvider" {
            options.insert("trt_fp16_enable".to_owned(), Scalar::Flag(config.trt_fp16_enable));
        }
        options
    };
    sets.into_iter().map(with_precision).collect()
}

fn session_options(config: &OrtSessionParamsTuningConfig, threads: usize) -> Vec<SessionOptions> {
    let mut all = vec![SessionOptions {
        extra_session_config: config.extra_session_config.clone(),
        ..SessionOptions::default()
    }];
    all = spread(&all, &Choices::of(config.execution_mode_list.as_ref()), |options, mode| {
        options.execution_mode = mode.map(|mode| mode.0);
    });
    all = spread(&all, &Choices::of(config.opt_level_list.as_ref()), |options, level| {
        options.graph_optimization_level = level.map(|level| level.0);
    });
    all = spread(&all, &Choices::of(config.mem_pattern_list.as_ref()), |options, is_planned| {
        options.enable_mem_pattern = is_planned;
    });
    all = spread(&all, &Choices::of(config.cpu_mem_arena_list.as_ref()), |options, is_kept| {
        options.enable_cpu_mem_arena = is_kept;
    });
    all = spread(&all, &Choices::of(config.inter_thread_num_list.as_ref()), |options, threads| {
        options.inter_op_num_threads = threads.filter(|_| options.execution_mode == Some(1));
    });
    all.dedup();
    spread(&all, &intra_threads(config, threads), |options, threads| {
        options.intra_op_num_threads = threads;
    })
}

/// Each of `all` with each of `values`.
fn spread<T: Clone>(
    all: &[SessionOptions],
    values: &[Option<T>],
    set: impl Fn(&mut SessionOptions, Option<T>),
) -> Vec<SessionOptions> {
    let with = |options: &SessionOptions, value: &Option<T>| {
        let mut options = options.clone();
        set(&mut options, value.clone());
        options
    };
    all.iter().flat_map(|options| values.iter().map(move |value| with(options, value))).collect()
}

/// Threads within a node; pinned threads say their number themselves.
fn intra_threads(config: &OrtSessionParamsTuningConfig, threads: usize) -> Vec<Option<usize>> {
    if let Some(pinned) = config.extra_session_config.as_ref().and_then(|it| it.get(AFFINITIES)) {
        return vec![Some(pinned.to_string().split(';').count() + 1)];
    }
    if config.intra_thread_num_list.is_some() {
        return Choices::of(config.intra_thread_num_list.as_ref());
    }
    let most = config.cpu_cores.unwrap_or(threads).max(1);
    std::iter::successors(Some(most), |&half| Some(half / 2).filter(|&it| it > 0))
        .map(Some)
        .collect()
}

#[cfg(test)]
mod tests {
    use olive_plugin_api::testing::Recorder;
    use olive_plugin_api::{StepContext, StepRequest};
    use serde_json::{Value, json};

    use super::{candidates, check};

    fn with<R>(
        config: &Value,
        work: impl Fn(&super::OrtSessionParamsTuningConfig, &StepContext<'_>) -> R,
    ) -> R {
        let request: StepRequest = serde_json::from_value(json!({
            "kind": "pass", "name": "OrtSessionParamsTuning", "config": {},
            "input": {"type": "ONNXModel", "model_path": "/no/model"},
            "output_dir": "/no/output", "scratch_dir": "/no/scratch", "threads": 6
        }))
        .unwrap();
        let recorder = Recorder::default();
        work(
            &serde_json::from_value(config.clone()).unwrap(),
            &StepContext::new(&request, &recorder),
        )
    }

    fn tried(config: &Value) -> Vec<Value> {
        with(config, |config, ctx| {
            let all = candidates(config, ctx).into_iter();
            all.map(|it| serde_json::to_value(it.settings.session_options).unwrap()).collect()
        })
    }

    #[test]
    fn threads_are_halved_where_nothing_is_said() {
        let threads = |config: Value| -> Vec<u64> {
            let all = tried(&config).into_iter();
            all.map(|options| options["intra_op_num_threads"].as_u64().unwrap()).collect()
        };
        assert_eq!(threads(json!({})), [6, 3, 1]);
        assert_eq!(threads(json!({"cpu_cores": 8})), [8, 4, 2, 1]);
        assert_eq!(threads(json!({"cpu_cores": 8, "intra_thread_num_list": [5, 2]})), [5, 2]);
        let pinned = json!({"session.intra_op_thread_affinities": "1;2;3"});
        assert_eq!(threads(json!({"extra_session_config": pinned})), [4]);
    }

    #[test]
    fn all_combinations_are_tried_and_threads_of_nodes_only_where_they_count() {
        let found = tried(&json!({
            "execution_mode_list": [0, 1], "opt_level_list": 99, "intra_thread_num_list": 2,
            "inter_thread_num_list": [2, 4], "mem_pattern_list": [true, false]
        }));
        let way = |mode: u8, pattern: bool, inter: Option<u8>| {
            let mut way = json!({
                "intra_op_num_threads": 2, "execution_mode": mode,
                "graph_optimization_level": 99, "enable_mem_pattern": pattern
            });
            if let Some(inter) = inter {
                way["inter_op_num_threads"] = json!(inter);
            }
            way
        };
        let expected = [
            way(0, true, None),
            way(0, false, None),
            way(1, true, Some(2)),
            way(1, true, Some(4)),
            way(1, false, Some(2)),
            way(1, false, Some(4)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn providers_come_with_their_options() {
        let config = json!({
            "providers_list": [
                "CPUExecutionProvider", ["TensorrtExecutionProvider", {"device_id": 0}]
            ],
            "trt_fp16_enable": true, "cpu_cores": 1
        });
        let found = with(&config, |config, ctx| {
            let all = candidates(config, ctx).into_iter();
            all.map(|it| it.to_string()).collect::<Vec<_>>()
        });
        let expected = [
            r#"`CPUExecutionProvider {"intra_op_num_threads":1}`"#,
            r#"`TensorrtExecutionProvider {"intra_op_num_threads":1} {"device_id":0,"trt_fp16_enable":true}`"#,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_cannot_be_tried_is_told_with_its_place() {
        let many: Vec<usize> = (1..=129).collect();
        for (config, code, pointer) in [
            (json!({"providers_list": "AcmeProvider"}), "execution-provider", "/providers_list"),
            (json!({"opt_level_list": []}), "no-candidates", ""),
            (json!({"intra_thread_num_list": many}), "too-many-candidates", ""),
        ] {
            let found = with(&config, check);
            assert_eq!((&*found[0].code, &*found[0].pointer, found.len()), (code, pointer, 1));
        }
        let forced = json!({"providers_list": "AcmeProvider", "force_evaluate_other_eps": true});
        assert!(with(&forced, check).is_empty());
    }
}
