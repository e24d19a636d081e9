//! The line to a service: requests that are sent again while that may help.

mod rehearsal;

pub(crate) use rehearsal::{DIGEST, Rehearsal};

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

use olive_plugin_api::{LogLevel, StepContext};
use olive_schemas::workflow::AzureMlClient;
use olive_transport::{Answer, Ask, Exchange};
use serde_json::Value;

use crate::AzureError;

/// Longest pause that a service may ask for.
const LONGEST: Duration = Duration::from_mins(5);
/// Time between two looks at whether the user wants to stop.
const TICK: Duration = Duration::from_millis(50);
/// Bytes of an answer that is no file.
const DOCUMENT: u64 = 64 << 20;

/// A request.
pub(crate) struct Asked<'a> {
    /// What it is about, for errors, such as ``compute `gpus` ``.
    pub(crate) what: &'a str,
    pub(crate) method: &'static str,
    pub(crate) url: &'a str,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content: Option<Vec<u8>>,
}

impl<'a> Asked<'a> {
    /// One without headers and content.
    pub(crate) fn new(what: &'a str, method: &'static str, url: &'a str) -> Self {
        Self { what, method, url, headers: Vec::new(), content: None }
    }

    /// The same with a header.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same with a content of this type.
    pub(crate) fn content(mut self, kind: &str, content: impl Into<Vec<u8>>) -> Self {
        self.content = Some(content.into());
        self.header("content-type", kind)
    }
}

/// How long and how often services are asked, and for whom.
pub(crate) struct Line<'a> {
    patience: Duration,
    /// Tries after the first one.
    more: u32,
    /// Before the first new try; doubled each time.
    pause: Duration,
    exchange: Exchange,
    /// What keeps requests instead of their being sent.
    rehearsal: Option<Rehearsal>,
    /// Whether a request is not cut short by who wants to stop.
    is_carried_through: Cell<bool>,
    ctx: &'a StepContext<'a>,
}

impl<'a> Line<'a> {
    /// The line of `client`; `rehearsal` is what keeps requests instead of their being sent.
    ///
    /// # Errors
    /// When the machine has no room for it.
    pub(crate) fn new(
        client: Option<&AzureMlClient>,
        rehearsal: Option<Rehearsal>,
        ctx: &'a StepContext<'a>,
    ) -> Result<Self, AzureError> {
        let seconds =
            |given: Option<u32>, usual| Duration::from_secs(given.unwrap_or(usual).into());
        Ok(Self {
            patience: seconds(client.and_then(|client| client.read_timeout), 60),
            more: client.and_then(|client| client.max_operation_retries).unwrap_or(3),
            pause: seconds(client.and_then(|client| client.operation_retry_interval), 5),
            exchange: Exchange::new()?,
            rehearsal,
            is_carried_through: Cell::new(false),
            ctx,
        })
    }

    /// What keeps requests, when nothing is sent.
    pub(crate) fn rehearsal(&self) -> Option<&Rehearsal> {
        self.rehearsal.as_ref()
    }

    /// The step that asks.
    pub(crate) fn ctx(&self) -> &'a StepContext<'a> {
        self.ctx
    }

    /// One try, for at most `patience`.
    ///
    /// # Errors
    /// When no whole answer came.
    pub(crate) fn once(&self, asked: &Asked<'_>, patience: Duration) -> Result<Answer, AzureError> {
        if let Some(rehearsal) = &self.rehearsal {
            return Ok(rehearsal.answer(asked));
        }
        let answer = self.exchange.send(Ask {
            method: asked.method,
            url: asked.url,
            headers: &asked.headers,
            content: asked.content.clone(),
            limit: DOCUMENT,
            patience,
            is_cancelled: &|| !self.is_carried_through.get() && self.ctx.is_cancelled(),
        });
        Ok(answer?)
    }

    /// What `talk` gives, whose requests get their answers though the user wants to stop. None is sent
    /// again then.
    pub(crate) fn carry_through<T>(&self, talk: impl FnOnce() -> T) -> T {
        self.is_carried_through.set(true);
        let told = talk();
        self.is_carried_through.set(false);
        told
    }

    /// The answer, whatever it says, once it is neither too busy nor broken.
    ///
    /// # Errors
    /// When the service stays out of reach.
    pub(crate) fn send(&self, asked: &Asked<'_>) -> Result<Answer, AzureError> {
        let mut spent = 0;
        loop {
            let (reason, asked_for, answer) = match self.once(asked, self.patience) {
                Ok(answer) if !is_passing(answer.status) => return Ok(answer),
                Ok(answer) => {
                    (format!("it answers {}", answer.status), retry_after(&answer), Ok(answer))
                }
                Err(AzureError::Transport(error)) if error.is_passing() => {
                    (error.to_string(), None, Err(error.into()))
                }
                Err(error) => return Err(error),
            };
            if spent == self.more || asked_for.is_some_and(|pause| pause > LONGEST) {
                return answer;
            }
            let pause = asked_for.unwrap_or(self.pause * 2_u32.saturating_pow(spent.min(6)));
            spent += 1;
            let seconds = pause.as_secs();
            let message = format!("{}: {reason}; asked again in {seconds} s", asked.what);
            self.ctx.log(LogLevel::Warning, message);
            self.wait(pause)?;
        }
    }

    /// Waits, as long as the user wants.
    ///
    /// # Errors
    /// When the user wants to stop.
    pub(crate) fn wait(&self, pause: Duration) -> Result<(), AzureError> {
        let start = Instant::now();
        while start.elapsed() < pause {
            self.ctx.check_cancelled().map_err(|_| AzureError::Cancelled)?;
            thread::sleep(TICK.min(pause));
        }
        Ok(())
    }
}

/// The answer, when it means what was asked for.
///
/// # Errors
/// When it does not.
pub(crate) fn accepted(what: &str, answer: Answer) -> Result<Answer, AzureError> {
    if (200..300).contains(&answer.status) {
        return Ok(answer);
    }
    Err(AzureError::Refused {
        what: what.to_owned(),
        status: answer.status,
        reason: said(&answer).map(|said| format!(": {said}")).unwrap_or_default(),
    })
}

/// The JSON of an answer; null when it has no content.
///
/// # Errors
/// When it is none.
pub(crate) fn json(what: &str, answer: &Answer) -> Result<Value, AzureError> {
    if answer.content.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&answer.content)
        .map_err(|error| AzureError::odd(what, format!("no JSON ({error})")))
}

/// What a refusal says: in the JSON of the resource manager, of the login service, or in the XML of
/// the storage.
pub(crate) fn said(answer: &Answer) -> Option<String> {
    let text = match serde_json::from_slice::<Value>(&answer.content) {
        Ok(said) => {
            let message = said.pointer("/error/message").or(said.get("error_description"));
            let code = said.pointer("/error/code").or(said.get("error"));
            let [code, message] = [code, message].map(|part| part.and_then(Value::as_str));
            match (code, message) {
                (Some(code), Some(message)) => format!("{code}: {message}"),
                (one, other) => one.or(other)?.to_owned(),
            }
        }
        Err(_) => answer.header("x-ms-error-code")?.to_owned(),
    };
    let line = text.lines().next().unwrap_or_default();
    Some(line.chars().filter(|c| !c.is_control()).take(300).collect())
}

/// Whether another try may be answered otherwise.
pub(crate) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 409 | 425 | 429 | 500 | 502..=504)
}

fn retry_after(answer: &Answer) -> Option<Duration> {
    let header = |name, unit: fn(u64) -> Duration| {
        answer.header(name).and_then(|text| text.trim().parse().ok()).map(unit)
    };
    header("retry-after-ms", Duration::from_millis)
        .or_else(|| header("x-ms-retry-after-ms", Duration::from_millis))
        .or_else(|| header("retry-after", Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use olive_transport::Answer;

    use super::{retry_after, said};

    fn answer(headers: &[(&str, &str)], content: &str) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Answer { status: 400, headers: headers.collect(), content: content.into() }
    }

    #[test]
    fn services_say_why() {
        for (headers, content, expected) in [
            (&[][..], r#"{"error": {"code": "NoQuota", "message": "x\ny"}}"#, Some("NoQuota: x")),
            (
                &[],
                r#"{"error": "bad", "error_description": "AADSTS1: no"}"#,
                Some("bad: AADSTS1: no"),
            ),
            (&[], r#"{"error": {"message": "\u001b[2Jgone"}}"#, Some("[2Jgone")),
            (&[("x-ms-error-code", "ContainerNotFound")], "<Error/>", Some("ContainerNotFound")),
            (&[], "<html>", None),
        ] {
            assert_eq!(said(&answer(headers, content)).as_deref(), expected, "{content}");
        }
    }

    #[test]
    fn services_say_when_to_come_back() {
        for (headers, milliseconds) in [
            (&[("retry-after", "2")][..], Some(2000)),
            (&[("retry-after", "2"), ("retry-after-ms", "30")], Some(30)),
            (&[("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT")], None),
            (&[], None),
        ] {
            let expected = milliseconds.map(Duration::from_millis);
            assert_eq!(retry_after(&answer(headers, "")), expected, "{headers:?}");
        }
    }
}
