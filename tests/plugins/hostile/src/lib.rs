//! A plugin that does what no plugin should, as its config says; every act is bounded, so that a
//! host which does not stop it is not harmed for good.
//!
//! Some acts come before any config: a copy of the library whose file name holds `crash_on_load`,
//! `hang_in_describe`, `crash_in_describe` or `exit_in_describe` does that.

pub mod crash;
pub mod files;
pub mod noise;
pub mod processes;

use std::fs;
use std::path::PathBuf;

use olive_plugin_api::{
    Diagnostic, LogLevel, Model, ModelKind, Pass, PluginError, StepContext, export_plugin,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

export_plugin! { passes: [Hostile] }

/// What the pass does beside copying the model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Act {
    #[default]
    Nothing,
    Panic,
    Abort,
    Segfault,
    OverflowStack,
    LoopForever,
    Allocate,
    ExitWithoutAnswer,
    CloseStandardStreams,
    CloseEverything,
    PrintGarbage,
    WriteGarbageToHost,
    WriteEndlessLineToHost,
    LogWithoutEnd,
    ProgressWithoutEnd,
    PrintErrorsWithoutEnd,
    WriteOutside,
    DeleteInput,
    ChangeInput,
    AddToInput,
    LinkInput,
    Fork,
    ForkAndLeaveGroup,
    KillHost,
    AnswerWithTarget,
    AnswerWithDots,
    AnswerWithLink,
    AnswerWithRelativePath,
    AnswerWithForeignGraph,
    LeavePipe,
    LeaveSocket,
    LeaveLink,
    ReplaceOutput,
}

/// When the pass does it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Moment {
    #[default]
    Run,
    Prepare,
}

/// Settings of the `Hostile` pass.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HostileConfig {
    /// What the pass does beside copying the model.
    pub act: Act,
    /// When the pass does it.
    pub at: Moment,
    /// File that it goes for.
    pub target: PathBuf,
}

/// Copies a model, and more.
#[derive(Default)]
pub struct Hostile;

impl Pass for Hostile {
    type Config = HostileConfig;

    const NAME: &'static str = "Hostile";
    const SUMMARY: &'static str = "Copy a model, and do harm as told.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        let library = std::env::var("OLIVE_PLUGIN_PATH").unwrap_or_default();
        crash::while_described(&library);
        &[ModelKind::Hf]
    }

    fn produces() -> ModelKind {
        ModelKind::Hf
    }

    fn prepare(
        &self,
        input: &Model,
        config: &HostileConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Vec<Diagnostic>, PluginError> {
        if config.at == Moment::Prepare {
            act(input, config, ctx)?;
        }
        Ok(Vec::new())
    }

    fn run(
        &self,
        input: &Model,
        config: &HostileConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        for entry in fs::read_dir(&input.model_path).map_err(io)? {
            let from = entry.map_err(io)?.path();
            let name = from.file_name().unwrap_or_default();
            fs::copy(&from, ctx.output_dir().join(name)).map_err(io)?;
        }
        let mut model = Model::new(ModelKind::Hf, ctx.output_dir());
        if config.at == Moment::Run {
            act(input, config, ctx)?;
            files::answer(&mut model, config, ctx).map_err(io)?;
        }
        Ok(model)
    }
}

fn act(input: &Model, config: &HostileConfig, ctx: &StepContext<'_>) -> Result<(), PluginError> {
    if config.act != Act::Nothing {
        ctx.log(LogLevel::Warning, "the plugin begins");
    }
    crash::act(config.act);
    noise::act(config.act, ctx);
    processes::act(config.act, ctx);
    files::act(config, input, ctx).map_err(io)
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function of an error")]
fn io(error: std::io::Error) -> PluginError {
    PluginError::from_error("io", &error)
}
