//! The passes: each writes a small model, and does one thing wrong on the way.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use olive_plugin_api::{LogLevel, Model, ModelKind, Pass, PluginError, StepContext};

use crate::settings::{MisdescribedSettings, Settings, UndescribedSettings, io};

/// A pass with everything that all of them have in common.
macro_rules! careless {
    (
        $(#[$doc:meta])*
        $name:ident($settings:ty), |$input:ident, $config:ident, $ctx:ident| $work:expr
    ) => {
        $(#[$doc])*
        #[derive(Default)]
        pub struct $name;

        impl Pass for $name {
            type Config = $settings;

            const NAME: &'static str = stringify!($name);
            const SUMMARY: &'static str = "Write a note about a model.";
            const THREADS_CHANGE_RESULT: bool = false;

            fn accepts() -> &'static [ModelKind] {
                &[ModelKind::Hf]
            }

            fn produces() -> ModelKind {
                ModelKind::Hf
            }

            fn run(
                &self,
                $input: &Model,
                $config: &$settings,
                $ctx: &StepContext<'_>,
            ) -> Result<Model, PluginError> {
                $work
            }
        }
    };
}

careless! {
    /// Breaks no rule.
    Careful(Settings), |input, config, ctx| note(input, &config.note, ctx)
}

careless! {
    /// Has settings without description, and takes any.
    Undescribed(UndescribedSettings), |input, config, ctx| {
        note(input, &format!("{}{}", config.note, config.longwinded), ctx)
    }
}

careless! {
    /// Says of its settings what is not true.
    Misdescribed(MisdescribedSettings), |input, config, ctx| {
        note(input, &config.share.to_string(), ctx)
    }
}

careless! {
    /// Makes something else each time.
    Random(Settings), |input, _config, ctx| note(input, &process::id().to_string(), ctx)
}

careless! {
    /// Lets the number of threads change its result, and says that it does not.
    Threaded(Settings), |input, _config, ctx| note(input, &ctx.threads().to_string(), ctx)
}

careless! {
    /// Leaves a file in the user's home.
    Littering(Settings), |input, config, ctx| {
        let home = PathBuf::from(env::var_os("HOME").unwrap_or_default());
        fs::write(home.join(".careless"), "").map_err(io)?;
        note(input, &config.note, ctx)
    }
}

careless! {
    /// Writes into its input.
    Touching(Settings), |input, config, ctx| {
        fs::write(input.model_path.join("config.json"), "{}").map_err(io)?;
        note(input, &config.note, ctx)
    }
}

careless! {
    /// Counts down.
    Backwards(Settings), |input, config, ctx| {
        ctx.progress("note", 2, 3, &[]);
        ctx.progress("note", 1, 3, &[]);
        note(input, &config.note, ctx)
    }
}

careless! {
    /// Talks too much.
    Chatty(Settings), |input, config, ctx| {
        for line in 0..12_000 {
            ctx.check_cancelled()?;
            ctx.progress("word", line, 12_000, &[]);
        }
        note(input, &config.note, ctx)
    }
}

careless! {
    /// Hears that it should stop, and goes on for a while.
    Deaf(Settings), |input, config, ctx| {
        ctx.log(LogLevel::Info, "listening");
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(200) && !ctx.is_cancelled() {
            thread::sleep(Duration::from_millis(5));
        }
        if ctx.is_cancelled() {
            thread::sleep(Duration::from_millis(1500));
        }
        note(input, &config.note, ctx)
    }
}

careless! {
    /// Gives a model that is not its own.
    Elsewhere(Settings), |input, config, ctx| {
        let model = note(input, &config.note, ctx)?;
        Ok(Model { model_path: env::temp_dir(), ..model })
    }
}

careless! {
    /// Makes something else than it says.
    Mislabeled(Settings), |input, config, ctx| {
        let model = note(input, &config.note, ctx)?;
        Ok(Model { kind: ModelKind::Onnx, ..model })
    }
}

careless! {
    /// Panics where a file is missing, and makes a model of nothing.
    Fragile(Settings), |input, config, ctx| {
        if input.model_path.exists() {
            let weights = fs::read(input.model_path.join("model.safetensors"));
            assert!(weights.is_ok_and(|bytes| bytes.len() > 200_000), "no weights");
        }
        write(&config.note, ctx)
    }
}

/// Writes `text` beside the size of the model's config.
fn note(input: &Model, text: &str, ctx: &StepContext<'_>) -> Result<Model, PluginError> {
    ctx.check_cancelled()?;
    let config = fs::read(input.model_path.join("config.json")).map_err(io)?;
    write(&format!("{text} {}", config.len()), ctx)
}

fn write(text: &str, ctx: &StepContext<'_>) -> Result<Model, PluginError> {
    fs::write(ctx.output_dir().join("config.json"), format!("{text:?}")).map_err(io)?;
    ctx.progress("file", 1, 1, &[]);
    Ok(Model::new(ModelKind::Hf, ctx.output_dir()))
}
