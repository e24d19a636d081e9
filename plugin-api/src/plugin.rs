//! A plugin as a whole: what it provides, and how a request finds its way to it.

use olive_schemas::descriptor::{
    EvaluatorDescriptor, GeneratorDescriptor, GraphEditorDescriptor, PackagerDescriptor,
    PassDescriptor, PluginDescriptor, PreviewerDescriptor, SourceDescriptor, SystemDescriptor,
};
use olive_schemas::diagnostic::Diagnostic;
use olive_schemas::error::PluginError;
use olive_schemas::graph::GraphEdits;
use olive_schemas::model::ModelKind;
use olive_schemas::step::{StepKind, StepOutcome, StepRequest};
use olive_schemas::system::{SystemCall, SystemReply, SystemRequest};

use crate::context::{Listener, StepContext};
use crate::evaluator::Evaluator;
use crate::generator::Generator;
use crate::graph_editor::GraphEditor;
use crate::packager::{Packager, package};
use crate::pass::Pass;
use crate::previewer::Previewer;
use crate::settings::{parse, parse_config, schema_of};
use crate::source::Source;
use crate::system::System;
use crate::version::API_VERSION;

type Prepare = fn(&StepContext<'_>, &StepRequest) -> Result<Vec<Diagnostic>, PluginError>;
type Run = fn(&StepContext<'_>, &StepRequest) -> Result<StepOutcome, PluginError>;

/// What one library provides, type-erased; [`export_plugin!`](crate::export_plugin) makes it.
pub struct Plugin {
    descriptor: PluginDescriptor,
    entries: Vec<Entry>,
}

struct Entry {
    kind: StepKind,
    name: &'static str,
    /// Kinds of model it takes; `None` when it takes no model.
    accepts: Option<&'static [ModelKind]>,
    prepare: Option<Prepare>,
    run: Run,
}

impl Plugin {
    /// An empty plugin called `name` at `version`.
    pub fn new(name: &str, version: &str) -> Self {
        let descriptor = PluginDescriptor::new(name, version, API_VERSION);
        Self { descriptor, entries: Vec::new() }
    }

    /// The same plugin with the pass `P`.
    #[must_use]
    pub fn with_pass<P: Pass>(mut self) -> Self {
        self.descriptor.passes.push(PassDescriptor {
            name: P::NAME.into(),
            summary: P::SUMMARY.into(),
            accepts: P::accepts().to_vec(),
            produces: P::produces(),
            schema: schema_of::<P::Config>(),
            threads_change_result: P::THREADS_CHANGE_RESULT,
            has_ranks: P::HAS_RANKS,
        });
        self.entries.push(Entry {
            kind: StepKind::Pass,
            name: P::NAME,
            accepts: Some(P::accepts()),
            prepare: Some(|ctx, request| {
                P::default().prepare(&request.input, &parse_config(request)?, ctx)
            }),
            run: |ctx, request| {
                let config = parse_config(request)?;
                P::default().run(&request.input, &config, ctx).map(StepOutcome::Model)
            },
        });
        self
    }

    /// The same plugin with the evaluator `E`.
    #[must_use]
    pub fn with_evaluator<E: Evaluator>(mut self) -> Self {
        self.descriptor.evaluators.push(EvaluatorDescriptor {
            name: E::NAME.into(),
            summary: E::SUMMARY.into(),
            accepts: E::accepts().to_vec(),
            metrics: E::metrics().to_vec(),
            custom: E::custom(),
        });
        self.entries.push(Entry {
            kind: StepKind::Evaluate,
            name: E::NAME,
            accepts: Some(E::accepts()),
            prepare: Some(|ctx, request| {
                E::default().prepare(&request.input, &parse_config(request)?, ctx)
            }),
            run: |ctx, request| {
                let config = parse_config(request)?;
                E::default().evaluate(&request.input, &config, ctx).map(StepOutcome::Metrics)
            },
        });
        self
    }

    /// The same plugin with the generator `G`.
    #[must_use]
    pub fn with_generator<G: Generator>(mut self) -> Self {
        self.descriptor.generators.push(GeneratorDescriptor {
            name: G::NAME.into(),
            summary: G::SUMMARY.into(),
            accepts: G::accepts().to_vec(),
        });
        self.entries.push(Entry {
            kind: StepKind::Generate,
            name: G::NAME,
            accepts: Some(G::accepts()),
            prepare: None,
            run: |ctx, request| {
                let config = parse_config(request)?;
                G::default().generate(&request.input, &config, ctx).map(StepOutcome::Text)
            },
        });
        self
    }

    /// The same plugin with the source `S`.
    #[must_use]
    pub fn with_source<S: Source>(mut self) -> Self {
        self.descriptor.sources.push(SourceDescriptor {
            name: S::NAME.into(),
            summary: S::SUMMARY.into(),
            schema: schema_of::<S::Config>(),
        });
        self.entries.push(Entry {
            kind: StepKind::Source,
            name: S::NAME,
            accepts: None,
            prepare: None,
            run: |ctx, request| {
                let fetched = S::default().fetch(&parse_config(request)?, ctx)?;
                Ok(match fetched.revision {
                    None => StepOutcome::Path(fetched.path),
                    Some(_) => StepOutcome::Fetched(fetched),
                })
            },
        });
        self
    }

    /// The same plugin with the system `S`.
    #[must_use]
    pub fn with_system<S: System>(mut self) -> Self {
        self.descriptor.systems.push(SystemDescriptor {
            name: S::NAME.into(),
            summary: S::SUMMARY.into(),
            schema: schema_of::<S::Config>(),
            rehearses: S::REHEARSES,
            resources: S::resources().descriptors(),
            chains: S::CHAINS,
            batches: S::BATCHES,
        });
        self.entries.push(Entry {
            kind: StepKind::System,
            name: S::NAME,
            accepts: None,
            prepare: None,
            run: |ctx, request| {
                let SystemRequest { config, call } = parse_config(request)?;
                let reply = match call {
                    // Neither is about a system of a config.
                    SystemCall::Create { resource, settings } => {
                        S::resources().create(&resource, settings, ctx).map(SystemReply::Told)
                    }
                    SystemCall::Delete { resource, settings } => {
                        S::resources().delete(&resource, settings, ctx).map(SystemReply::Told)
                    }
                    call => answer(&S::default(), call, &parse(&request.name, config)?, ctx),
                };
                reply.map(StepOutcome::Reply)
            },
        });
        self
    }

    /// The same plugin with the previewer `P`.
    #[must_use]
    pub fn with_previewer<P: Previewer>(mut self) -> Self {
        self.descriptor.previewers.push(PreviewerDescriptor {
            name: P::NAME.into(),
            summary: P::SUMMARY.into(),
            accepts: P::accepts().to_vec(),
        });
        self.entries.push(Entry {
            kind: StepKind::Preview,
            name: P::NAME,
            accepts: Some(P::accepts()),
            prepare: None,
            run: |ctx, request| {
                let config = parse_config(request)?;
                P::default().preview(&request.input, &config, ctx).map(StepOutcome::Preview)
            },
        });
        self
    }

    /// The same plugin with the graph editor `E`.
    #[must_use]
    pub fn with_graph_editor<E: GraphEditor>(mut self) -> Self {
        const ACCEPTS: &[ModelKind] = &[ModelKind::Onnx];
        let (name, summary) = (E::NAME.into(), E::SUMMARY.into());
        self.descriptor.graph_editors.push(GraphEditorDescriptor { name, summary });
        self.entries.push(Entry {
            kind: StepKind::GraphView,
            name: E::NAME,
            accepts: Some(ACCEPTS),
            prepare: None,
            run: |ctx, request| {
                let view = E::default().view(&request.input, ctx)?;
                Ok(StepOutcome::Graph(Box::new(view)))
            },
        });
        self.entries.push(Entry {
            kind: StepKind::GraphEdit,
            name: E::NAME,
            accepts: Some(ACCEPTS),
            prepare: None,
            run: |ctx, request| {
                let GraphEdits { edits } = parse_config(request)?;
                E::default().edit(&request.input, &edits, ctx).map(StepOutcome::Model)
            },
        });
        self
    }

    /// The same plugin with the packager `P`.
    #[must_use]
    pub fn with_packager<P: Packager>(mut self) -> Self {
        self.descriptor.packagers.push(PackagerDescriptor {
            name: P::NAME.into(),
            summary: P::SUMMARY.into(),
            accepts: P::accepts().to_vec(),
            schema: schema_of::<P::Config>(),
        });
        self.entries.push(Entry {
            kind: StepKind::Package,
            name: P::NAME,
            accepts: Some(P::accepts()),
            prepare: None,
            run: |ctx, request| {
                let config = parse_config(request)?;
                P::default().pack(package(request)?, &config, ctx).map(StepOutcome::Path)
            },
        });
        self
    }

    /// What the plugin says about itself.
    pub fn descriptor(&self) -> &PluginDescriptor {
        &self.descriptor
    }

    /// Finds problems of a step before any work.
    ///
    /// # Errors
    /// When the request names nothing this plugin has, the model is of another kind than it takes
    /// or cannot be read, or the config does not parse.
    pub fn prepare(
        &self,
        request: &StepRequest,
        listener: &dyn Listener,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        let entry = self.entry(request)?;
        let ctx = StepContext::new(request, listener);
        entry.prepare.map_or_else(|| Ok(Vec::new()), |prepare| prepare(&ctx, request))
    }

    /// Does the work of a step.
    ///
    /// # Errors
    /// Those of [`Plugin::prepare`], and those of the work.
    pub fn run(
        &self,
        request: &StepRequest,
        listener: &dyn Listener,
    ) -> Result<StepOutcome, PluginError> {
        let entry = self.entry(request)?;
        (entry.run)(&StepContext::new(request, listener), request)
    }

    fn entry(&self, request: &StepRequest) -> Result<&Entry, PluginError> {
        let found = self
            .entries
            .iter()
            .find(|entry| entry.kind == request.kind && entry.name == request.name);
        let entry = found.ok_or_else(|| {
            let message = format!("plugin `{}` has no `{}`", self.descriptor.name, request.name);
            PluginError::new("unknown-entry", message)
        })?;
        let kind = request.input.kind;
        match entry.accepts {
            Some(accepts) if request.is_input_final && !accepts.contains(&kind) => {
                let accepts: Vec<String> = accepts.iter().map(ToString::to_string).collect();
                let accepts = accepts.join(" or ");
                let message = format!("`{}` takes {accepts}, not {kind}", request.name);
                Err(PluginError::new("model-kind", message))
            }
            _ => Ok(entry),
        }
    }
}

fn answer<S: System>(
    system: &S,
    call: SystemCall,
    config: &S::Config,
    ctx: &StepContext<'_>,
) -> Result<SystemReply, PluginError> {
    match call {
        SystemCall::Probe => system.probe(config, ctx).map(SystemReply::Problems),
        SystemCall::Submit { job } => system.submit(&job, config, ctx).map(SystemReply::Submitted),
        SystemCall::SubmitChain { jobs } => {
            system.submit_chain(&jobs, config, ctx).map(SystemReply::SubmittedAll)
        }
        SystemCall::SubmitBatch { jobs, at_a_time } => {
            system.submit_batch(&jobs, at_a_time, config, ctx).map(SystemReply::SubmittedAll)
        }
        SystemCall::Poll { id } => system.poll(&id, config, ctx).map(SystemReply::State),
        SystemCall::Cancel { id } => system.cancel(&id, config, ctx).map(|()| SystemReply::Done),
        SystemCall::Logs { id, from } => system.logs(&id, from, config, ctx).map(SystemReply::Logs),
        SystemCall::Collect { id } => system.collect(&id, config, ctx).map(|()| SystemReply::Done),
        SystemCall::Rehearse { job } => {
            system.rehearse(&job, config, ctx).map(SystemReply::Messages)
        }
        SystemCall::Create { resource, .. } | SystemCall::Delete { resource, .. } => {
            let message = format!("resource `{resource}` is no matter of one system");
            Err(PluginError::new("request", message))
        }
    }
}
