//! The sample code of packages: each program runs the model and writes what `olive generate` does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::playground::{Playground, built_if_any};
use crate::real;

/// Variable that names the folder of onnxruntime-genai for Python.
const GENAI: &str = "OLIVE_GENAI_PACKAGES";
/// Begins with the token that begins texts, which no program then adds.
const PROMPT: &str = "<bos> I won the race";
const NEW_TOKENS: &str = "12";

/// A model with its folder for an image, and the text with which it goes on.
fn packed() -> Option<(Playground, String)> {
    if !real::has_onnxruntime() {
        return None;
    }
    let playground = real::installed();
    real::copy_files(&real::fixture("tiny-llama"), &playground.path("model"));
    playground.workflow(json!({
        "input_model": {"type": "HfModel", "model_path": "model"},
        "passes": {"builder": {"type": "ModelBuilder", "precision": "fp32"}},
        "packaging_config": {"type": "Dockerfile", "name": "image"}
    }));
    playground.run().check(0, &["image` is made"]);
    let generate = ["generate", "--model", "@/out", "--prompt", PROMPT, "--max-new-tokens"];
    let said = playground.olive(&[&generate[..], &[NEW_TOKENS]].concat());
    said.check(0, &[]);
    let text = said.out.trim_end_matches('\n').to_owned();
    assert!(!text.is_empty());
    Some((playground, text))
}

fn model(playground: &Playground) -> PathBuf {
    playground.path("out/image/docker_content")
}

/// What the program writes, without the end of the last line.
fn output(command: &mut Command) -> String {
    let said = command.output().unwrap();
    let err = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{err}");
    String::from_utf8(said.stdout).unwrap().trim_end_matches('\n').to_owned()
}

#[test]
fn the_program_in_rust_goes_on_as_olive_does() {
    let Some((playground, text)) = packed() else { return };
    let Some(program) = built_if_any("examples/generate") else {
        println!("skipped: the sample is not built: cargo test --workspace builds it");
        return;
    };
    let mut command = Command::new(program);
    command.arg(model(&playground)).args([PROMPT, NEW_TOKENS]);
    command.env("ORT_DYLIB_PATH", std::env::var_os("OLIVE_ONNXRUNTIME_LIB").unwrap());
    assert_eq!(output(&mut command), text);
}

#[test]
fn the_program_in_rust_tells_what_it_lacks() {
    let Some(program) = built_if_any("examples/generate") else {
        println!("skipped: the sample is not built: cargo test --workspace builds it");
        return;
    };
    for (library, told) in [
        (None, "set ORT_DYLIB_PATH to the library of ONNX Runtime"),
        (Some("/nowhere/libonnxruntime.so"), "cannot load `/nowhere/libonnxruntime.so`"),
    ] {
        let mut command = Command::new(&program);
        command.arg(real::fixture("builder/tiny-llama-fp32")).args([PROMPT, NEW_TOKENS]);
        command.env_remove("ORT_DYLIB_PATH");
        command.envs(library.map(|library| ("ORT_DYLIB_PATH", library)));
        let said = command.output().unwrap();
        let err = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(1), "{err}");
        assert!(err.contains(told), "{err}");
    }
}

/// Python with ONNX Runtime GenAI, in the folder of the image.
fn python(playground: &Playground) -> Option<Command> {
    let Some(packages) = std::env::var_os(GENAI) else {
        println!("skipped: {GENAI} names no folder with onnxruntime-genai");
        return None;
    };
    let mut command = Command::new("python3");
    command.current_dir(playground.path("out/image"));
    command.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}

#[test]
fn the_program_in_python_goes_on_as_olive_does() {
    let Some((playground, text)) = packed() else { return };
    let Some(mut command) = python(&playground) else { return };
    command.args(["generate.py", "docker_content", PROMPT, NEW_TOKENS]);
    assert_eq!(output(&mut command), text);
}

/// A server that is ended with this.
struct Server(Child);

impl Server {
    /// The server that `command` starts, and its port.
    fn start(mut command: Command) -> (Self, u16) {
        let mut server = Self(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut told = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut told).unwrap();
        let port = told.trim().rsplit(' ').next().unwrap().parse().unwrap();
        (server, port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_the_image_starts_serves_the_model() {
    let Some((playground, text)) = packed() else { return };
    let Some(mut command) = python(&playground) else { return };
    let dockerfile = playground.read("out/image/Dockerfile");
    let line = dockerfile.lines().find_map(|line| line.strip_prefix("CMD ")).unwrap();
    let words: Vec<String> = serde_json::from_str(line).unwrap();
    assert_eq!((words[0].as_str(), words.last().unwrap().as_str()), ("python", "8000"));
    // Any port that is free.
    command.args(&words[1..words.len() - 1]).arg("0");
    let (_server, port) = Server::start(command);
    let asked = json!({"prompt": PROMPT, "max_new_tokens": 12});
    assert_eq!(ask(port, "/generate", &asked.to_string()), (200, json!({"text": text})));
    assert_eq!(ask(port, "/generate", "[]").0, 400);
    assert_eq!(ask(port, "/other", "{}").0, 404);
}

/// A model that goes on with its prompt, and fails on one.
const PARROT: &str = r#"
class Continuation:
    def __init__(self, folder):
        pass

    def pieces(self, prompt, max_new_tokens):
        if prompt == "too long":
            raise RuntimeError("no room")
        for _ in range(max_new_tokens):
            yield prompt
"#;

#[test]
fn every_request_is_answered() {
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    let playground = Playground::bare();
    let serve = real::fixture("../../plugins/package/samples/python/serve.py");
    std::fs::copy(serve, playground.path("serve.py")).unwrap();
    playground.write("generate.py", PARROT);
    let mut command = Command::new("python3");
    command.args(["serve.py", "model", "0"]).current_dir(playground.path(""));
    command.env("PYTHONDONTWRITEBYTECODE", "1").stderr(Stdio::null());
    let (_server, port) = Server::start(command);
    let deep = "[".repeat(100_000);
    for (body, status) in [
        (r#"{"prompt": "a", "max_new_tokens": 2}"#, 200),
        (r#"{"prompt": "too long"}"#, 500),
        (r#"{"prompt": 1}"#, 400),
        (r#"{"prompt": "a", "max_new_tokens": "many"}"#, 400),
        (r#"{"prompt": "a", "max_new_tokens": 0}"#, 400),
        (r#""prompt""#, 400),
        ("{", 400),
        (&deep, 400),
    ] {
        let (found, answer) = ask(port, "/generate", body);
        assert_eq!(found, status, "{}: {answer}", &body[..body.len().min(40)]);
    }
    assert_eq!(ask(port, "/generate", r#"{"prompt": "a", "max_new_tokens": 2}"#).1["text"], "aa");
}

#[test]
fn any_graph_runs_once() {
    let playground = Playground::bare();
    std::fs::create_dir_all(playground.path("out/image")).unwrap();
    let Some(mut command) = python(&playground) else { return };
    command.arg(real::fixture("../../plugins/package/samples/plain/infer.py"));
    command.arg(real::fixture("../../plugins/onnx/tests/graphs/norms.onnx"));
    assert!(output(&mut command).starts_with("y: float32[1, 8], first values ["));
}

/// Status and answer of a request.
fn ask(port: u16, path: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    write!(stream, "POST {path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

#[test]
fn the_program_in_csharp_goes_on_as_olive_does() {
    if Command::new("dotnet").arg("--version").output().is_err() {
        println!("skipped: there is no dotnet");
        return;
    }
    let Some((playground, text)) = packed() else { return };
    let folder = real::fixture("../../plugins/package/samples/csharp");
    crate::playground::copy_folder(&folder, &playground.path("csharp"));
    let mut command = Command::new("dotnet");
    command.args(["run", "--project", "."]).arg("--").arg(model(&playground));
    command.args([PROMPT, NEW_TOKENS]).current_dir(playground.path("csharp"));
    assert_eq!(output(&mut command), text);
}

#[test]
fn a_sample_names_the_versions_that_it_is_tried_with() {
    let text = |path: &str| std::fs::read_to_string(real::fixture(path)).unwrap();
    let sample = text("../../plugins/package/samples/rust/Cargo.toml");
    let workspace = text("../../Cargo.toml");
    let version = |manifest: &str, name: &str| {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{name} = ")));
        let line = line.unwrap_or_else(|| panic!("no {name}")).to_owned();
        line.split('"').nth(1).unwrap().to_owned()
    };
    for name in ["half", "ort", "serde_json", "tokenizers"] {
        assert_eq!(version(&sample, name), version(&workspace, name), "{name}");
    }
}
