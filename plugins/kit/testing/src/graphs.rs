//! Graphs in ONNX Runtime, on inputs that depend on their names and shapes alone.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use half::f16;
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Adapter, RunOptions, Session, SessionInputValue};
use ort::value::{
    DynValue, Outlet, PrimitiveTensorElementType, Tensor, TensorElementType, ValueType,
};

use crate::random;

/// Sizes of dimensions by their names; others are [`SIZE`].
pub type Sizes = &'static [(&'static str, usize)];

/// Size of a dimension with a name.
const SIZE: usize = 3;

/// What a graph gives: name, shape and numbers of each output, in order.
pub struct Outputs(pub Vec<(String, Vec<i64>, Vec<f64>)>);

impl Outputs {
    /// The numbers of the output `name`.
    pub fn numbers(&self, name: &str) -> &[f64] {
        &self.0.iter().find(|(own, ..)| own == name).unwrap().2
    }

    /// Names of the outputs.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, ..)| name.as_str())
    }

    /// Those called `names`, in this order.
    #[must_use]
    pub fn only<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let named = |name| self.0.iter().find(|(own, ..)| own == name).cloned().unwrap();
        Self(names.into_iter().map(named).collect())
    }

    /// How these differ from `expected`: in bits, or by more than `limit` of the largest number.
    pub fn differs_from(&self, expected: &Self, limit: Option<f64>) -> Option<String> {
        if self.0.len() != expected.0.len() {
            return Some(format!("{} outputs, not {}", self.0.len(), expected.0.len()));
        }
        self.0.iter().zip(&expected.0).find_map(|((name, shape, found), (_, wanted, expected))| {
            if shape != wanted {
                return Some(format!("`{name}` is of shape {shape:?}, not {wanted:?}"));
            }
            let largest = expected.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
            let pairs = found.iter().zip(expected);
            let off =
                pairs.clone().fold(0.0_f64, |most, (one, other)| most.max((one - other).abs()));
            let is_same = match limit {
                None => pairs.clone().all(|(one, other)| one.to_bits() == other.to_bits()),
                Some(limit) => off <= limit * largest.max(f64::MIN_POSITIVE),
            };
            (!is_same).then(|| format!("`{name}` differs by {off:e} of {largest:e}"))
        })
    }
}

/// ONNX Runtime, when there is a library; says once when there is none.
///
/// The library is the one that `OLIVE_ONNXRUNTIME_LIB` names, or the newest of Olive's cache.
pub fn runtime() -> Option<&'static Environment> {
    static LOADED: OnceLock<Option<Environment>> = OnceLock::new();
    let loaded = LOADED.get_or_init(|| {
        let Some(path) = library() else {
            let told = "skipped: no ONNX Runtime library: cargo xtask fetch onnxruntime\n";
            // Not by `eprintln!`: the harness hides what passing tests print.
            io::stderr().write_all(told.as_bytes()).unwrap();
            return None;
        };
        let builder = ort::init_from(&path).unwrap().with_telemetry(false);
        let environment = builder.build().unwrap();
        environment.set_log_level(LogLevel::Fatal);
        Some(environment)
    });
    loaded.as_ref()
}

/// Weights of an adapter in a file, for inputs of a graph.
#[derive(Debug, Clone)]
pub struct AdapterFile {
    /// An `.onnx_adapter` file.
    pub path: PathBuf,
    /// Names of the inputs that it fills.
    pub inputs: Vec<String>,
}

/// What the graph at `path` gives; nothing of it is optimized.
///
/// # Errors
/// What the runtime has against it.
pub fn run(environment: &Environment, path: &Path, sizes: Sizes) -> Result<Outputs, String> {
    run_parts(environment, &[path.to_owned()], None, sizes)
}

/// What the graphs at `paths` give in order: what one gives, those behind it take by its name.
///
/// ONNX Runtime loads the adapter itself, for all of them.
///
/// # Errors
/// What the runtime has against one of them, or against the adapter.
pub fn run_parts(
    environment: &Environment,
    paths: &[PathBuf],
    adapter: Option<&AdapterFile>,
    sizes: Sizes,
) -> Result<Outputs, String> {
    let (mut known, mut found) = (HashMap::<String, DynValue>::new(), Vec::new());
    for path in paths {
        let mut session = session(environment, path)?;
        let names: Vec<String> =
            session.outputs().iter().map(|output| output.name().to_owned()).collect();
        let is_filled =
            |name: &str| adapter.is_some_and(|file| file.inputs.iter().any(|own| own == name));
        let inputs = session.inputs().iter().filter(|input| !is_filled(input.name()));
        let inputs: Vec<(String, SessionInputValue<'_>)> = inputs
            .map(|input| match known.get(input.name()) {
                Some(value) => (input.name().to_owned(), value.into()),
                None => (input.name().to_owned(), value(input, sizes).into()),
            })
            .collect();
        let options = run_options(adapter).map_err(|error| error.to_string())?;
        let outputs = session.run_with_options(inputs, &options);
        let mut outputs = outputs.map_err(|error| error.to_string())?;
        for name in names {
            let value = outputs.remove(&name).unwrap();
            let (shape, numbers) = numbers(&value);
            found.push((name.clone(), shape, numbers));
            known.insert(name, value);
        }
    }
    Ok(Outputs(found))
}

fn session(environment: &Environment, path: &Path) -> Result<Session, String> {
    let builder = Session::builder(environment).unwrap();
    let builder = builder.with_optimization_level(GraphOptimizationLevel::Disable).unwrap();
    let mut builder = builder.with_intra_threads(1).unwrap();
    builder.commit_from_file(path).map_err(|error| error.to_string())
}

fn run_options(adapter: Option<&AdapterFile>) -> ort::Result<RunOptions> {
    let mut options = RunOptions::new()?;
    if let Some(file) = adapter {
        options.add_adapter(&Adapter::from_file(&file.path, None)?)?;
    }
    Ok(options)
}

/// Numbers for the input `input`: small, and the same for the same name.
fn value(input: &Outlet, sizes: Sizes) -> DynValue {
    let ValueType::Tensor { ty, shape, dimension_symbols } = input.dtype() else {
        panic!("`{}` is no tensor", input.name());
    };
    let side = |(&side, name): (&i64, &String)| match usize::try_from(side) {
        Ok(side) => side,
        Err(_) => sizes.iter().find(|(known, _)| known == name).map_or(SIZE, |&(_, size)| size),
    };
    let shape: Vec<usize> = shape.iter().zip(dimension_symbols.iter()).map(side).collect();
    let count = shape.iter().product();
    let whole: Vec<i64> = match input.name() {
        "attention_mask" => vec![1; count],
        // Of a first run over five tokens.
        "past_seq_len" => vec![4; count],
        "total_seq_len" => vec![5; count],
        // Of two segments of a sequence of five.
        "bounds" => vec![0, 2, 5],
        _ => (0..5).cycle().take(count).collect(),
    };
    let floats = random(count, 7);
    match ty {
        TensorElementType::Float32 => Tensor::from_array((shape, floats)).unwrap().into_dyn(),
        TensorElementType::Float16 => {
            let halves: Vec<f16> = floats.into_iter().map(f16::from_f32).collect();
            Tensor::from_array((shape, halves)).unwrap().into_dyn()
        }
        TensorElementType::Int64 => Tensor::from_array((shape, whole)).unwrap().into_dyn(),
        TensorElementType::Int32 => {
            let whole: Vec<i32> =
                whole.into_iter().map(|value| value.try_into().unwrap()).collect();
            Tensor::from_array((shape, whole)).unwrap().into_dyn()
        }
        TensorElementType::Bool => {
            Tensor::from_array((shape, vec![true; count])).unwrap().into_dyn()
        }
        other => panic!("`{}` is of {other}", input.name()),
    }
}

fn numbers(value: &DynValue) -> (Vec<i64>, Vec<f64>) {
    let ValueType::Tensor { ty, .. } = value.dtype() else { panic!("an output is no tensor") };
    match ty {
        TensorElementType::Float32 => each(value, |&number: &f32| f64::from(number)),
        TensorElementType::Float64 => each(value, |&number: &f64| number),
        TensorElementType::Float16 => each(value, |number: &f16| number.to_f64()),
        TensorElementType::Int64 => each(value, |&number: &i64| number as f64),
        TensorElementType::Int32 => each(value, |&number: &i32| f64::from(number)),
        TensorElementType::Uint8 => each(value, |&number: &u8| f64::from(number)),
        TensorElementType::Bool => each(value, |&truth: &bool| f64::from(u8::from(truth))),
        other => panic!("an output is of {other}"),
    }
}

fn each<T: PrimitiveTensorElementType>(
    value: &DynValue,
    number: impl Fn(&T) -> f64,
) -> (Vec<i64>, Vec<f64>) {
    let (shape, values) = value.try_extract_tensor::<T>().unwrap();
    (shape.to_vec(), values.iter().map(number).collect())
}

fn library() -> Option<PathBuf> {
    if let Some(named) = env::var_os("OLIVE_ONNXRUNTIME_LIB").filter(|name| !name.is_empty()) {
        return Some(named.into());
    }
    let path = |name: &str| env::var_os(name).map(PathBuf::from);
    let cache = path("OLIVE_CACHE_HOME")
        .or_else(|| path("XDG_CACHE_HOME").map(|cache| cache.join("olive")))
        .or_else(|| path("HOME").map(|home| home.join(".cache/olive")))?;
    let version = |folder: &PathBuf| -> Option<Vec<u64>> {
        folder.file_name()?.to_str()?.split('.').map(|part| part.parse().ok()).collect()
    };
    let versions = fs::read_dir(cache.join("onnxruntime")).ok()?;
    let versions = versions.map(|entry| entry.unwrap().path());
    let newest = versions.filter(|path| version(path).is_some()).max_by_key(version)?;
    let files = fs::read_dir(newest).ok()?.map(|entry| entry.unwrap().path());
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        ["libonnxruntime.so", "libonnxruntime.", "onnxruntime.dll"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    files.filter(is_library).min_by_key(|path| path.as_os_str().len())
}
