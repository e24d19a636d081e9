//! Chats as text, by the Jinja template of a tokenizer.
//!
//! A template sees what it sees in transformers' `apply_chat_template`: `messages` without members
//! that are null, `add_generation_prompt`, `tools` and `documents` (none), the tokenizer's special
//! tokens by name, and `chat_template_kwargs`.

mod date;
mod environment;
mod generation;
mod to_json;

use std::collections::BTreeMap;
use std::ops::Range;

use minijinja::value::Serde;
use minijinja::{Environment, Value as Jinja};
use olive_schemas::data::{ChatTemplate, PreProcess};

use self::environment::TEMPLATE;
use crate::error::TextError;
use crate::marked::Marked;
use crate::rows::Row;
use crate::tokenizer::Tokenizer;
use crate::value::Value;

/// A chat template, ready to be filled.
pub(crate) struct Chat<'a> {
    environment: Environment<'static>,
    column: &'a str,
    /// What every chat is rendered with.
    variables: BTreeMap<String, Jinja>,
    /// The last token of a text.
    eos: Option<String>,
    loss: Loss,
}

/// Which part of a chat is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    All,
    /// What the template's `{% generation %}` blocks hold.
    Blocks,
    /// What each message of the assistant adds to the prompt that asks for it.
    Prefixes,
}

impl<'a> Chat<'a> {
    /// The chats of `settings.message_col` by the template that `settings` write, or by the
    /// tokenizer's own.
    ///
    /// # Errors
    /// When there is no template, or it or the date cannot be understood.
    pub(crate) fn new(tokenizer: &Tokenizer, settings: &'a PreProcess) -> Result<Self, TextError> {
        let template = match &settings.chat_template {
            Some(ChatTemplate::Jinja(template)) if !template.is_empty() => template,
            _ => tokenizer.chat_template().ok_or(TextError::NoChatTemplate)?,
        };
        let date = settings.chat_template_date.as_deref();
        let date = date.map(date::Date::parse).transpose().map_err(TextError::settings)?;
        let (template, has_blocks) = generation::as_filter(template);
        let loss = match (settings.assistant_only_loss, has_blocks) {
            (false, _) => Loss::All,
            (true, true) => Loss::Blocks,
            (true, false) => Loss::Prefixes,
        };
        let environment = environment::environment(template, loss == Loss::Blocks, date)
            .map_err(|error| TextError::ChatTemplate { problem: error.to_string() })?;
        let mut variables: BTreeMap<String, Jinja> = BTreeMap::new();
        for name in ["tools", "documents"] {
            variables.insert(name.to_owned(), Jinja::from(()));
        }
        for (name, token) in tokenizer.special_tokens() {
            variables.insert((*name).to_owned(), token.as_str().into());
        }
        for (name, value) in &settings.chat_template_kwargs {
            variables.insert(name.clone(), Jinja::from(Serde(value)));
        }
        let eos = tokenizer.special_tokens().get("eos_token").cloned();
        Ok(Self { environment, column: &settings.message_col, variables, eos, loss })
    }

    /// The text of a row's chat.
    ///
    /// # Errors
    /// When the column holds no list of messages, the template refuses them, or the assistant's
    /// part cannot be told.
    pub(crate) fn render(&self, row: &Row) -> Result<Marked, TextError> {
        let messages = self.messages(row)?;
        let text = self.fill(row, &messages, false)?;
        match self.loss {
            Loss::All => Ok(Marked { text, trained: None }),
            Loss::Blocks => {
                let (text, trained) = generation::take_marks(&text);
                Ok(Marked { text, trained: Some(trained) })
            }
            Loss::Prefixes => {
                let trained = self.answers(row, &messages, &text)?;
                Ok(Marked { text, trained: Some(trained) })
            }
        }
    }

    /// The text of a chat of `messages`, each a role and what it says, that asks for an answer.
    ///
    /// # Errors
    /// When the template refuses them.
    pub(crate) fn ask(&self, messages: &[(&str, String)]) -> Result<String, TextError> {
        let message = |(role, content): &(&str, String)| {
            Jinja::from(BTreeMap::from([("role", Jinja::from(*role)), ("content", content.into())]))
        };
        let messages: Vec<Jinja> = messages.iter().map(message).collect();
        let text = self.rendered(messages, true);
        let text = text.map_err(|error| TextError::ChatRefused { problem: error.to_string() })?;
        Ok(match self.loss {
            Loss::Blocks => generation::take_marks(&text).0,
            Loss::All | Loss::Prefixes => text,
        })
    }

    /// The messages of a row's chat, without members that are null.
    fn messages(&self, row: &Row) -> Result<Vec<Message>, TextError> {
        let found = row.value(self.column)?;
        let not_messages =
            || row.fault(self.column, "holds no list of messages with `role` and `content`".into());
        let Value::List(messages) = found else { return Err(not_messages()) };
        let message = |message: &Value| match message {
            Value::Object(members) => {
                let members = members.iter().filter(|(_, value)| *value != Value::Null);
                let members: Vec<_> = members.cloned().collect();
                let role = members.iter().find(|(name, _)| name == "role");
                let is_answer =
                    role.is_some_and(|(_, role)| *role == Value::Text("assistant".into()));
                let value = Jinja::from(Serde(Value::Object(members)));
                Ok(Message { value, is_answer })
            }
            _ => Err(not_messages()),
        };
        messages.iter().map(message).collect()
    }

    fn fill(&self, row: &Row, messages: &[Message], asks: bool) -> Result<String, TextError> {
        let messages = messages.iter().map(|message| message.value.clone()).collect();
        self.rendered(messages, asks).map_err(|error| {
            row.fault(self.column, format!("is refused by the chat template: {error}"))
        })
    }

    fn rendered(&self, messages: Vec<Jinja>, asks: bool) -> Result<String, minijinja::Error> {
        let mut variables = self.variables.clone();
        variables.insert("messages".to_owned(), messages.into());
        variables.insert("add_generation_prompt".to_owned(), asks.into());
        self.environment.get_template(TEMPLATE)?.render(Jinja::from(variables))
    }

    /// The bytes of `text`, the whole chat, that each message of the assistant adds.
    ///
    /// A message adds what follows the prompt made of the messages before it, up to where the chat
    /// ends that ends with it. An end-of-sequence token that only the last message has is left out
    /// of those before.
    fn answers(
        &self,
        row: &Row,
        messages: &[Message],
        text: &str,
    ) -> Result<Vec<Range<usize>>, TextError> {
        let mut answers = Vec::new();
        for (index, _) in messages.iter().enumerate().filter(|(_, message)| message.is_answer) {
            let prompt = self.fill(row, &messages[..index], true)?;
            let so_far = self.fill(row, &messages[..=index], false)?;
            let eos = self.eos.as_deref();
            let without_eos = eos.and_then(|eos| so_far.trim_end().strip_suffix(eos));
            let mut ends = [Some(so_far.as_str()), without_eos].into_iter().flatten();
            let end = ends.find(|so_far| text.starts_with(so_far)).map(str::len);
            match end.filter(|end| text.starts_with(&prompt) && *end >= prompt.len()) {
                Some(end) => answers.push(prompt.len()..end),
                None => return Err(row.not_nested(self.column, index + 1)),
            }
        }
        Ok(answers)
    }
}

struct Message {
    value: Jinja,
    is_answer: bool,
}
