//! The Jinja environment that transformers gives to chat templates.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::date::Date;
use super::generation::{self, FILTER};
use super::to_json;

/// Name of the template in its environment.
pub(super) const TEMPLATE: &str = "chat_template";

/// `template` with what transformers adds to Jinja: `raise_exception`, `strftime_now` when there is
/// a date, `tojson` without escapes for HTML, loop controls, and the filter that `generation`
/// blocks became, which marks what it holds if `marks`.
///
/// # Errors
/// When the template cannot be parsed.
pub(super) fn environment(
    template: String,
    marks: bool,
    date: Option<Date>,
) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
    environment.set_syntax(syntax);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(unknown_method_callback);
    environment.add_function("raise_exception", raise_exception);
    environment.add_filter("tojson", to_json);
    environment.add_filter(
        FILTER,
        move |text: String| {
            if marks { generation::mark(&text) } else { text }
        },
    );
    if let Some(date) = date {
        environment.add_function("strftime_now", move |format: String| {
            date.format(&format).map_err(|problem| Error::new(ErrorKind::InvalidOperation, problem))
        });
    }
    environment.add_template_owned(TEMPLATE, template)?;
    Ok(environment)
}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

/// `json.dumps` with transformers' defaults.
#[expect(clippy::needless_pass_by_value, reason = "filters own their arguments")]
fn to_json(value: Value, options: Kwargs) -> Result<String, Error> {
    let separators: Option<Vec<String>> = options.get("separators")?;
    let style = to_json::Style {
        ensures_ascii: options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false),
        indent: options.get("indent")?,
        separators: separators.and_then(|pair| <[String; 2]>::try_from(pair).ok()),
        sorts_keys: options.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
    };
    options.assert_all_used()?;
    let value = serde_json::to_value(&value);
    let value =
        value.map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    Ok(style.write(&value))
}
