//! Chromium without a window, steered by its debugging protocol over two pipes.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Names that the program goes by.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A browser with one page.
pub(super) struct Chromium {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    calls: u64,
    session: Value,
    /// What the page did on its own account since it was opened.
    events: Vec<Value>,
    _profile: TempDir,
}

impl Chromium {
    /// A browser, when this machine has one.
    pub(super) fn start() -> Option<Self> {
        let Some(program) = find().filter(|_| cfg!(unix)) else {
            println!("skipped: no Chromium on the search path");
            return None;
        };
        let profile = TempDir::new().unwrap();
        let mut child = Command::new("sh")
            // The protocol is spoken over descriptors 3 and 4.
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 1>&2"])
            .arg(program)
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
            .args(["--disable-component-update", "--disable-dev-shm-usage"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut browser = Self {
            child,
            input,
            output,
            calls: 0,
            session: Value::Null,
            events: Vec::new(),
            _profile: profile,
        };
        let made = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": made["targetId"], "flatten": true});
        browser.session = browser.call("Target.attachToTarget", &attach)["sessionId"].clone();
        for domain in ["Page", "Network", "Log", "Runtime", "Accessibility"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// Opens the page at `path` in a window of this width, and waits until it is there.
    pub(super) fn open(&mut self, path: &Path, width: u32, scheme: &str) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", &features);
        self.events.clear();
        self.call("Page.navigate", &json!({"url": format!("file://{}", path.display())}));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.read();
            self.events.push(event);
        }
    }

    /// What the page asked for, and what it complained about.
    pub(super) fn incidents(&self) -> Vec<String> {
        let told = self.events.iter().filter_map(|event| match event["method"].as_str()? {
            "Network.requestWillBeSent" => {
                Some(event["params"]["request"]["url"].as_str()?.to_owned())
            }
            "Log.entryAdded" | "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" => {
                Some(event["params"].to_string())
            }
            _ => None,
        });
        told.collect()
    }

    /// The value of a JavaScript expression in the page.
    pub(super) fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", &params);
        assert!(answer["exceptionDetails"].is_null(), "{answer}");
        answer["result"]["value"].clone()
    }

    /// Moves the pointer.
    pub(super) fn point_at(&mut self, x: f64, y: f64) {
        let params = json!({"type": "mouseMoved", "x": x, "y": y});
        self.call("Input.dispatchMouseEvent", &params);
    }

    /// Presses a key.
    pub(super) fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let params =
                json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", &params);
        }
    }

    /// Roles and names as readers of the screen get them.
    pub(super) fn accessible(&mut self) -> Vec<(String, String)> {
        let tree = self.call("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().unwrap().iter();
        let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
        nodes
            .filter(|node| node["ignored"] != true)
            .map(|node| (text(&node["role"]), text(&node["name"])))
            .collect()
    }

    /// A picture of the whole page, PNG in base 64.
    pub(super) fn picture(&mut self) -> String {
        let params = json!({"format": "png", "captureBeyondViewport": true});
        let answer = self.call("Page.captureScreenshot", &params);
        answer["data"].as_str().unwrap().to_owned()
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.calls += 1;
        let mut call = json!({"id": self.calls, "method": method, "params": params});
        if !self.session.is_null() {
            call["sessionId"] = self.session.clone();
        }
        self.input.write_all(format!("{call}\0").as_bytes()).unwrap();
        loop {
            let answer = self.read();
            if answer["id"] == self.calls {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn read(&mut self) -> Value {
        let mut text = Vec::new();
        self.output.read_until(0, &mut text).unwrap();
        assert_eq!(text.pop(), Some(0), "Chromium is gone");
        serde_json::from_slice(&text).unwrap()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let close = json!({"id": 0, "method": "Browser.close"});
        let _ = self.input.write_all(format!("{close}\0").as_bytes());
        let _ = self.child.wait();
    }
}

/// The program on the search path, or the one that `OLIVE_CHROMIUM` names.
fn find() -> Option<PathBuf> {
    if let Some(program) = env::var_os("OLIVE_CHROMIUM") {
        return Some(program.into());
    }
    let folders = env::var_os("PATH")?;
    let places = env::split_paths(&folders).flat_map(|folder| NAMES.map(|name| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}
