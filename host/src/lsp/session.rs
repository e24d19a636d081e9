//! One client's session: which message does what.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use lsp_types::json_rpc::{Error, Id, RequestObject, ResponseObject};
use lsp_types::{
    CodeActionRequest, CompletionRequest, Definition, DefinitionRequest,
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DidSaveTextDocumentParams, DocumentSymbolRequest, ErrorCodes, HoverRequest, InitializeRequest,
    LogMessageNotification, LogMessageParams, MessageType, Notification,
    PublishDiagnosticsNotification, PublishDiagnosticsParams, Request, ShowMessageNotification,
    ShowMessageParams, ShutdownRequest, Uri,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::Client;
use super::document::Document;
use super::language::Languages;
use super::{actions, complete, describe, diagnose};

/// A message to the client.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Outgoing {
    /// The answer to a request.
    Answer(ResponseObject),
    /// Something it did not ask for.
    Notice(RequestObject),
}

/// A session.
pub(super) struct Session {
    languages: Languages,
    state: State,
    documents: BTreeMap<String, Document>,
    outgoing: Vec<Outgoing>,
}

/// How far a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing but `initialize` may come.
    New,
    /// Everything may come.
    Open(Client),
    /// Nothing but `exit` may come.
    Closed,
    /// Nothing will come; this is the exit code.
    Ended(u8),
}

impl Session {
    /// A session that has not begun.
    pub(super) fn new(languages: Languages) -> Self {
        let (documents, outgoing) = (BTreeMap::new(), Vec::new());
        Self { languages, state: State::New, documents, outgoing }
    }

    /// The exit code, when the client has ended the session.
    pub(super) fn exit_code(&self) -> Option<u8> {
        match self.state {
            State::Ended(code) => Some(code),
            State::New | State::Open(_) | State::Closed => None,
        }
    }

    /// Does what `call` asks for; gives what to say.
    ///
    /// A bug on the way is the answer of one request, not the end of the session.
    pub(super) fn take(&mut self, call: RequestObject) -> Vec<Outgoing> {
        let (method, id, params) = call.into_parts();
        let params = params.unwrap_or_default();
        let done = catch_unwind(AssertUnwindSafe(|| match &id {
            Some(id) => {
                let answer = self.answer(&method, id, params);
                self.outgoing.push(Outgoing::Answer(answer));
            }
            None => self.hear(&method, params),
        }));
        if let (Err(_), Some(id)) = (done, id) {
            let message = format!("`{method}` met a bug of Olive");
            self.outgoing.push(Outgoing::Answer(refusal(&id, ErrorCodes::InternalError, message)));
        }
        std::mem::take(&mut self.outgoing)
    }

    /// Tells what is wrong with documents that changed; for when nothing else waits.
    pub(super) fn rest(&mut self) -> Vec<Outgoing> {
        let stale = self.documents.values_mut().filter(|document| document.is_stale);
        for document in stale {
            let language = self.languages.of(&document.source);
            let done = catch_unwind(AssertUnwindSafe(|| document.examine(language)));
            if done.is_err() {
                document.findings.clear();
            }
            self.outgoing.push(published(document));
        }
        std::mem::take(&mut self.outgoing)
    }

    fn answer(&mut self, method: &str, id: &Id, params: Value) -> ResponseObject {
        let refuse = |code, message: &str| refusal(id, code, message.to_owned());
        match (self.state, method) {
            (State::New, "initialize") => {
                let client = Client::of(&params);
                self.state = State::Open(client);
                self.tell_problems();
                ResponseObject::from_success::<InitializeRequest>(id.clone(), client.welcome())
            }
            (State::New, _) => refuse(ErrorCodes::ServerNotInitialized, "`initialize` comes first"),
            (State::Open(_), "shutdown") => {
                self.state = State::Closed;
                ResponseObject::from_success::<ShutdownRequest>(id.clone(), ())
            }
            (State::Open(_), "initialize") => {
                refuse(ErrorCodes::InvalidRequest, "`initialize` comes once")
            }
            (State::Open(client), _) => self.look_up(client, method, id, params),
            (State::Closed | State::Ended(_), _) => {
                refuse(ErrorCodes::InvalidRequest, "the session is shut down")
            }
        }
    }

    fn look_up(&self, client: Client, method: &str, id: &Id, params: Value) -> ResponseObject {
        let document = |uri: &Uri| self.documents.get(&uri.0);
        let language_of = |document: &Document| self.languages.of(&document.source);
        match method {
            "textDocument/completion" => answer::<CompletionRequest>(id, params, |params| {
                let at = params.text_document_position_params;
                let document = document(&at.text_document.uri)?;
                let language = language_of(document);
                let items =
                    complete::complete(document, at.position, language, client.has_snippets);
                Some(items.into())
            }),
            "textDocument/hover" => answer::<HoverRequest>(id, params, |params| {
                let at = params.text_document_position_params;
                let document = document(&at.text_document.uri)?;
                describe::hover(document, at.position, language_of(document))
            }),
            "textDocument/definition" => answer::<DefinitionRequest>(id, params, |params| {
                let at = params.text_document_position_params;
                let document = document(&at.text_document.uri)?;
                let found = describe::define(document, at.position, language_of(document))?;
                Some(Definition::from(found).into())
            }),
            "textDocument/documentSymbol" => {
                answer::<DocumentSymbolRequest>(id, params, |params| {
                    let document = document(&params.text_document.uri)?;
                    Some(describe::symbols(document).into())
                })
            }
            "textDocument/codeAction" => answer::<CodeActionRequest>(id, params, |params| {
                let document = document(&params.text_document.uri)?;
                let language = language_of(document);
                let found = actions::actions(document, params.range, &params.context, language);
                Some(found.into_iter().map(Into::into).collect())
            }),
            _ => refusal(id, ErrorCodes::MethodNotFound, format!("`{method}` is not known here")),
        }
    }

    fn hear(&mut self, method: &str, params: Value) {
        match (self.state, method) {
            (State::Closed, "exit") => self.state = State::Ended(0),
            (_, "exit") => self.state = State::Ended(1),
            (State::Open(client), _) => {
                if let Err(error) = self.follow(client, method, params) {
                    self.log(MessageType::Warning, format!("`{method}`: {error}"));
                }
            }
            (State::New | State::Closed | State::Ended(_), _) => {}
        }
    }

    fn follow(
        &mut self,
        client: Client,
        method: &str,
        params: Value,
    ) -> Result<(), serde_json::Error> {
        match method {
            "textDocument/didOpen" => {
                let item = parse::<DidOpenTextDocumentParams>(params)?.text_document;
                let uri = item.uri.0.clone();
                if let Some(document) = Document::open(item, client.encoding) {
                    if let Err(error) = self.languages.meet(&document.source) {
                        self.show_error(error.to_string());
                    }
                    self.documents.insert(uri, document);
                }
            }
            "textDocument/didChange" => {
                let DidChangeTextDocumentParams { text_document, content_changes } = parse(params)?;
                let uri = &text_document.text_document_identifier.uri.0;
                if let Some(document) = self.documents.get_mut(uri) {
                    document.change(text_document.version, content_changes);
                }
            }
            "textDocument/didSave" => {
                let uri = parse::<DidSaveTextDocumentParams>(params)?.text_document.uri.0;
                if let Some(document) = self.documents.get_mut(&uri) {
                    document.is_stale = true;
                }
            }
            "textDocument/didClose" => {
                let uri = parse::<DidCloseTextDocumentParams>(params)?.text_document.uri.0;
                if let Some(mut document) = self.documents.remove(&uri) {
                    document.findings.clear();
                    self.outgoing.push(published(&document));
                }
            }
            "workspace/didChangeConfiguration" => self.rediscover(),
            _ => {}
        }
        Ok(())
    }

    /// Looks for plugins again; when that fails, those of before stay.
    fn rediscover(&mut self) {
        match self.languages.rediscover() {
            Ok(()) => {
                self.tell_problems();
                self.documents.values_mut().for_each(|document| document.is_stale = true);
            }
            Err(error) => self.show_error(error.to_string()),
        }
    }

    /// Tells of plugins that cannot be used.
    fn tell_problems(&mut self) {
        for message in self.languages.problems() {
            self.log(MessageType::Warning, message);
        }
    }

    fn show_error(&mut self, message: String) {
        let params = ShowMessageParams { kind: MessageType::Error, message };
        self.notify::<ShowMessageNotification>(params);
    }

    fn log(&mut self, kind: MessageType, message: String) {
        self.notify::<LogMessageNotification>(LogMessageParams { kind, message });
    }

    fn notify<N: Notification>(&mut self, params: N::Params) {
        self.outgoing.push(Outgoing::Notice(RequestObject::from_notification::<N>(params)));
    }
}

fn answer<R: Request>(
    id: &Id,
    params: Value,
    act: impl FnOnce(R::Params) -> R::Result,
) -> ResponseObject {
    match parse(params) {
        Ok(params) => ResponseObject::from_success::<R>(id.clone(), act(params)),
        Err(error) => refusal(id, ErrorCodes::InvalidParams, error.to_string()),
    }
}

fn refusal(id: &Id, code: ErrorCodes, message: String) -> ResponseObject {
    ResponseObject::from_error(id.clone(), Error { code, message, data: None })
}

fn parse<T: DeserializeOwned>(params: Value) -> Result<T, serde_json::Error> {
    serde_json::from_value(params)
}

fn published(document: &Document) -> Outgoing {
    let params = PublishDiagnosticsParams {
        uri: document.uri.clone(),
        version: Some(document.version),
        diagnostics: diagnose::diagnostics(document),
    };
    Outgoing::Notice(RequestObject::from_notification::<PublishDiagnosticsNotification>(params))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::language::{Language, Languages};
    use super::Session;
    use crate::plugin::Catalog;

    fn session() -> Session {
        Session::new(Languages::with(Language::with(Catalog::default())))
    }

    /// What is said about `call`.
    fn say(session: &mut Session, call: Value) -> Value {
        let said = session.take(serde_json::from_value(call).unwrap());
        serde_json::to_value(said).unwrap()
    }

    fn request(session: &mut Session, method: &str, params: &Value) -> Value {
        let call = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        say(session, call)[0].clone()
    }

    fn notify(session: &mut Session, method: &str, params: &Value) -> Value {
        say(session, json!({"jsonrpc": "2.0", "method": method, "params": params}))
    }

    fn code(answer: &Value) -> i64 {
        answer["error"]["code"].as_i64().unwrap()
    }

    #[test]
    fn a_session_goes_from_initialize_to_exit() {
        let mut session = session();
        assert_eq!(code(&request(&mut session, "textDocument/hover", &json!({}))), -32002);
        let answer = request(&mut session, "initialize", &json!({"capabilities": {}}));
        assert_eq!(answer["result"]["capabilities"]["positionEncoding"], "utf-16");
        assert_eq!(code(&request(&mut session, "initialize", &json!({}))), -32600);
        assert_eq!(code(&request(&mut session, "textDocument/hover", &json!({}))), -32602);
        assert_eq!(code(&request(&mut session, "textDocument/rename", &json!({}))), -32601);
        assert_eq!(code(&request(&mut session, "$/unknown", &json!([]))), -32601);
        assert_eq!(notify(&mut session, "$/unknown", &json!({})), json!([]));
        assert_eq!(request(&mut session, "shutdown", &json!(null))["result"], json!(null));
        assert_eq!(code(&request(&mut session, "shutdown", &json!(null))), -32600);
        assert_eq!(session.exit_code(), None);
        notify(&mut session, "exit", &json!(null));
        assert_eq!(session.exit_code(), Some(0));
    }

    #[test]
    fn an_exit_without_shutdown_is_a_failure() {
        let mut session = session();
        request(&mut session, "initialize", &json!(null));
        notify(&mut session, "exit", &json!(null));
        assert_eq!(session.exit_code(), Some(1));
    }

    #[test]
    fn what_is_wrong_is_told_when_nothing_else_waits() {
        let mut session = session();
        let encodings = json!({"capabilities": {"general": {"positionEncodings": ["utf-8"]}}});
        let answer = request(&mut session, "initialize", &encodings);
        assert_eq!(answer["result"]["capabilities"]["positionEncoding"], "utf-8");
        let uri = "file:///w/olive.json";
        let document = json!({"uri": uri, "languageId": "json", "version": 1, "text": "{é"});
        notify(&mut session, "textDocument/didOpen", &json!({"textDocument": document}));
        let said = serde_json::to_value(session.rest()).unwrap();
        let told = &said[0]["params"]["diagnostics"][0];
        assert_eq!(told["source"], "olive");
        assert_eq!(told["code"], "syntax");
        assert!(session.rest().is_empty());
        let wrong = notify(&mut session, "textDocument/didChange", &json!({"textDocument": 1}));
        assert_eq!(wrong[0]["method"], "window/logMessage");
        let closed =
            notify(&mut session, "textDocument/didClose", &json!({"textDocument": {"uri": uri}}));
        assert_eq!(closed[0]["params"]["diagnostics"], json!([]));
    }
}
