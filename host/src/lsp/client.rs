//! What the client can do, and what it is told that the server can.

use lsp_types::{
    CodeActionKind, CodeActionOptions, CompletionOptions, InitializeResult, PositionEncodingKind,
    ServerCapabilities, ServerInfo, TextDocumentSyncKind, TextDocumentSyncOptions,
};
use serde_json::Value;

use super::actions::UPGRADE;
use super::layout::Encoding;

/// What the client can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client {
    /// What its columns count.
    pub(super) encoding: Encoding,
    /// Whether completions may hold places to fill in.
    pub(super) has_snippets: bool,
}

impl Client {
    /// The client that began with `params`; what it does not say it cannot do.
    pub(super) fn of(params: &Value) -> Self {
        let says = |pointer: &str| params.pointer(pointer);
        let encodings = says("/capabilities/general/positionEncodings").and_then(Value::as_array);
        let knows_bytes = encodings.is_some_and(|known| known.contains(&"utf-8".into()));
        let item = "/capabilities/textDocument/completion/completionItem/snippetSupport";
        Self {
            encoding: if knows_bytes { Encoding::Utf8 } else { Encoding::Utf16 },
            has_snippets: says(item) == Some(&Value::Bool(true)),
        }
    }

    /// What to answer it.
    pub(super) fn welcome(self) -> InitializeResult {
        InitializeResult {
            capabilities: self.capabilities(),
            server_info: Some(ServerInfo {
                name: "olive".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        }
    }

    fn capabilities(self) -> ServerCapabilities {
        let sync = TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::Incremental),
            save: Some(true.into()),
            ..TextDocumentSyncOptions::default()
        };
        let completion = CompletionOptions {
            trigger_characters: Some(["\"", ":", "/"].map(str::to_owned).into()),
            ..CompletionOptions::default()
        };
        let actions = CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QuickFix, UPGRADE.into()]),
            ..CodeActionOptions::default()
        };
        ServerCapabilities {
            position_encoding: Some(match self.encoding {
                Encoding::Utf8 => PositionEncodingKind::UTF8,
                Encoding::Utf16 => PositionEncodingKind::UTF16,
            }),
            text_document_sync: Some(sync.into()),
            completion_provider: Some(completion),
            hover_provider: Some(true.into()),
            definition_provider: Some(true.into()),
            document_symbol_provider: Some(true.into()),
            code_action_provider: Some(actions.into()),
            ..ServerCapabilities::default()
        }
    }
}
