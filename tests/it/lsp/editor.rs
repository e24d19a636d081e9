//! A client of the language server with one document open.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::playground::Playground;

/// An editor with one document open.
pub(crate) struct Editor {
    /// Holds the program and the document's folder.
    pub(crate) playground: Playground,
    pub(crate) server: Child,
    out: BufReader<ChildStdout>,
    pub(crate) uri: String,
    pub(crate) text: String,
    version: i32,
    last_id: i32,
}

impl Editor {
    /// An editor that has opened `name`, which is to hold `text`.
    pub(crate) fn open(name: &str, text: &str) -> Self {
        Self::open_in(Playground::new(), name, text)
    }

    /// The same with the plugins of `playground`.
    pub(crate) fn open_in(playground: Playground, name: &str, text: &str) -> Self {
        let mut editor = Self::start(playground, name);
        let snippets = json!({"completion": {"completionItem": {"snippetSupport": true}}});
        let answer =
            editor.request("initialize", json!({"capabilities": {"textDocument": snippets}}));
        assert_eq!(answer["result"]["capabilities"]["positionEncoding"], "utf-16");
        editor.notify("initialized", json!({}));
        text.clone_into(&mut editor.text);
        let language = if name.ends_with("yaml") { "yaml" } else { "json" };
        let document = json!({
            "uri": editor.uri, "languageId": language, "version": 0, "text": text
        });
        editor.notify("textDocument/didOpen", json!({"textDocument": document}));
        editor
    }

    /// An editor that has started the server and not said anything.
    pub(crate) fn start(playground: Playground, name: &str) -> Self {
        let mut command = playground.command(&["lsp", "--stdio"]);
        let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(server.stdout.take().unwrap());
        let uri = format!("file://{}", playground.path(name).display());
        Self { playground, server, out, uri, text: String::new(), version: 0, last_id: 0 }
    }

    pub(crate) fn send(&mut self, body: &str) {
        let input = self.server.stdin.as_mut().unwrap();
        write!(input, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        input.flush().unwrap();
    }

    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        self.send(&message.to_string());
    }

    /// The answer to a request.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send(&message.to_string());
        self.wait_for(|message| message["id"] == id)
    }

    pub(crate) fn wait_for(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.receive().unwrap();
            if is_it(&message) {
                return message;
            }
        }
    }

    /// The next message; none when the server has hung up.
    pub(crate) fn receive(&mut self) -> Option<Value> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.out.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", value)) => length = value.parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.out.read_exact(&mut body).unwrap();
        Some(serde_json::from_slice(&body).unwrap())
    }

    /// What is wrong with the newest text.
    pub(crate) fn diagnostics(&mut self) -> Vec<Value> {
        let version = self.version;
        let told = self.wait_for(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["version"] == version
        });
        assert_eq!(told["params"]["uri"], *self.uri);
        told["params"]["diagnostics"].as_array().unwrap().clone()
    }

    /// Types `new` in place of `old`.
    pub(crate) fn replace(&mut self, old: &str, new: &str) {
        let start = self.text.find(old).unwrap();
        let range = json!({"start": self.position(start), "end": self.position(start + old.len())});
        self.apply(&[json!({"range": range, "newText": new})]);
    }

    /// Makes the changes of a code action or completion.
    pub(crate) fn apply(&mut self, edits: &[Value]) {
        self.version += 1;
        let mut changes = Vec::new();
        for edit in edits {
            let range = self.offset(&edit["range"]["start"])..self.offset(&edit["range"]["end"]);
            self.text.replace_range(range, edit["newText"].as_str().unwrap());
            changes.push(json!({"range": edit["range"], "text": edit["newText"]}));
        }
        let document = json!({"uri": self.uri, "version": self.version});
        let params = json!({"textDocument": document, "contentChanges": changes});
        self.notify("textDocument/didChange", params);
    }

    /// The position of a byte offset, in code units of UTF-16.
    pub(crate) fn position(&self, offset: usize) -> Value {
        let before = &self.text[..offset];
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap().encode_utf16().count();
        json!({"line": line, "character": column})
    }

    pub(crate) fn offset(&self, position: &Value) -> usize {
        let offsets = 0..=self.text.len();
        let mut known = offsets.filter(|offset| self.text.is_char_boundary(*offset));
        known.find(|offset| self.position(*offset) == *position).unwrap()
    }

    /// What `method` answers about the place after `part`.
    pub(crate) fn ask(&mut self, method: &str, part: &str) -> Value {
        let offset = self.text.find(part).unwrap() + part.len();
        let document = json!({"uri": self.uri});
        let params = json!({"textDocument": document, "position": self.position(offset)});
        self.request(&format!("textDocument/{method}"), params)["result"].clone()
    }

    /// Actions of the code that a diagnostic is about.
    pub(crate) fn actions(&mut self, range: &Value) -> Vec<Value> {
        let params = json!({
            "textDocument": {"uri": self.uri}, "range": range, "context": {"diagnostics": []}
        });
        self.request("textDocument/codeAction", params)["result"].as_array().unwrap().clone()
    }

    /// Ends the session; gives the exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        assert_eq!(self.request("shutdown", Value::Null)["result"], Value::Null);
        self.notify("exit", Value::Null);
        assert_eq!(self.receive(), None);
        self.server.wait().unwrap().code()
    }

    /// The text that a range of the protocol is about.
    pub(crate) fn at(&self, range: &Value) -> &str {
        &self.text[self.offset(&range["start"])..self.offset(&range["end"])]
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
