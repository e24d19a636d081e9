//! How an editor comes to know the schema of configs.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstRootNode};

use crate::cli::schema::Editor;

/// Names of files that are configs.
const CONFIGS: [&str; 3] = ["olive*.json", "olive*.jsonc", "*.olive.json"];

/// `settings` of Visual Studio Code with the schema at `schema` for configs; comments and order
/// stay.
///
/// # Errors
/// Why the text cannot be extended.
pub(super) fn vscode_settings(settings: &str, schema: &str) -> Result<String, String> {
    let text = if settings.trim().is_empty() { "{\n}\n" } else { settings };
    let root = CstRootNode::parse(text, &ParseOptions::default()).map_err(|e| e.to_string())?;
    let object = root.object_value_or_create().ok_or("it is no object")?;
    let schemas =
        object.array_value_or_create("json.schemas").ok_or("`json.schemas` is no list")?;
    let url = format!("./{schema}");
    let is_known = schemas.elements().iter().any(|element| {
        let entry = element.as_object().and_then(|entry| entry.get("url")?.value());
        let known = entry.and_then(|url| url.as_string_lit()?.decoded_value().ok());
        known.is_some_and(|known| known == url)
    });
    if is_known {
        return Ok(settings.to_owned());
    }
    let names = CONFIGS.map(|name| CstInputValue::String(name.into()));
    schemas.ensure_multiline();
    schemas.append(CstInputValue::Object(vec![
        ("fileMatch".into(), CstInputValue::Array(names.into())),
        ("url".into(), CstInputValue::String(url)),
    ]));
    Ok(root.to_string())
}

/// What stands before and after a pattern of file names in `jsonSchemas.xml`.
const ITEM: (&str, &str) = (
    "                <Item>\n                  <option name=\"pattern\" value=\"true\" />\n                  \
     <option name=\"path\" value=\"",
    "\" />\n                </Item>\n",
);

/// What is left to do by hand for `editor`.
pub(super) fn advice(editor: Editor, schema: &str) -> String {
    let by_key = "reads `\"$schema\"` of the config by itself";
    match editor {
        Editor::Vscode => String::new(),
        Editor::Neovim => format!("Neovim with the language server jsonls {by_key}\n"),
        Editor::Helix => format!("Helix with vscode-json-language-server {by_key}\n"),
        Editor::Zed => format!("Zed {by_key}\n"),
        Editor::Jetbrains => format!(
            "IDEs of JetBrains read `\"$schema\"` of the config by themselves; for configs without \
             it, write .idea/jsonSchemas.xml:\n\n{}",
            jetbrains(schema)
        ),
    }
}

fn jetbrains(schema: &str) -> String {
    let mut patterns = String::new();
    for name in CONFIGS {
        patterns.extend([ITEM.0, name, ITEM.1]);
    }
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<project version="4">
  <component name="JsonSchemaMappingsProjectConfiguration">
    <state>
      <map>
        <entry key="olive">
          <value>
            <SchemaInfo>
              <option name="name" value="olive" />
              <option name="relativePathToSchema" value="{schema}" />
              <option name="patterns"><list>
{patterns}              </list></option>
            </SchemaInfo>
          </value>
        </entry>
      </map>
    </state>
  </component>
</project>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::vscode_settings;

    const ENTRY: &str = r#"{
      "fileMatch": ["olive*.json", "olive*.jsonc", "*.olive.json"],
      "url": "./s.json"
    }"#;

    #[track_caller]
    fn check(before: &str, after: &str) {
        let after = after.replace("ENTRY", ENTRY);
        assert_eq!(vscode_settings(before, "s.json").as_deref(), Ok(after.as_str()));
        assert_eq!(vscode_settings(&after, "s.json").as_deref(), Ok(after.as_str()));
    }

    #[test]
    fn settings_get_the_schema_once_and_keep_the_rest() {
        check("", "{\n  \"json.schemas\": [\n    ENTRY\n  ]\n}\n");
        check(
            "{\n  // mine\n  \"a\": 1\n}\n",
            "{\n  // mine\n  \"a\": 1,\n  \"json.schemas\": [\n    ENTRY\n  ]\n}\n",
        );
        check(
            "{\n  \"json.schemas\": [\n    {\"url\": \"x\"} // other\n  ]\n}\n",
            "{\n  \"json.schemas\": [\n    {\"url\": \"x\"}, // other\n    ENTRY\n  ]\n}\n",
        );
    }

    #[test]
    fn what_is_no_settings_file_is_refused() {
        for before in ["[]", "{\"json.schemas\": 1}", "{\"a\":", "1"] {
            assert!(vscode_settings(before, "s.json").is_err(), "{before}");
        }
    }
}
