//! Values of ONNX Runtime GenAI's builder, which takes them from a command line: switches as words,
//! lists as texts with separators.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, IntoDeserializer, value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

/// A switch: `true`, `1`, `"true"`, `"True"` or `"1"`, or their opposites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Switch(pub bool);

/// Operators that can be quantized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Operator {
    /// Products with a matrix.
    MatMul,
    /// Products with a matrix and a sum, of which the graphs have none.
    Gemm,
    /// The embedding, 4 bits only.
    Gather,
}

/// Operators in a list, or in a text with `/` between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorNames(pub Vec<Operator>);

/// Names of nodes in a list, or in a text with `,` between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeNames(pub Vec<String>);

/// Groups of matrices with their widths, as an object or as `group:width` with `,` between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement(pub Vec<(MatrixGroup, Width)>);

/// Matrices that `matmul_mixed_precision` names together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatrixGroup {
    /// The one that makes logits.
    #[serde(rename = "last_matmul")]
    LastMatMul,
    /// Those of some layers that are felt most.
    MixedLayers,
    /// Those of linear attention.
    LinearAttn,
}

/// Width of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Width {
    /// 4 bits.
    Int4,
    /// 8 bits.
    Int8,
}

const ON: [&str; 3] = ["true", "True", "1"];
const OFF: [&str; 3] = ["false", "False", "0"];

impl From<Switch> for bool {
    fn from(switch: Switch) -> Self {
        switch.0
    }
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed);
        match &*text {
            on if ON.contains(&on) => Ok(Self(true)),
            off if OFF.contains(&off) => Ok(Self(false)),
            other => Err(D::Error::custom(format!("`{other}` is neither `true` nor `false`"))),
        }
    }
}

impl JsonSchema for Switch {
    fn schema_name() -> Cow<'static, str> {
        "Switch".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["boolean", "integer", "string"],
            "minimum": 0,
            "maximum": 1,
            "pattern": format!("^({}|{})$", ON.join("|"), OFF.join("|")),
            "errorMessage": "write `true` or `false`"
        })
    }
}

impl<'de> Deserialize<'de> for OperatorNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = list(deserializer, '/')?;
        names.iter().map(|name| word(name)).collect::<Result<_, _>>().map(Self)
    }
}

impl JsonSchema for OperatorNames {
    fn schema_name() -> Cow<'static, str> {
        "OperatorNames".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<Operator>();
        let one = "(MatMul|Gemm|Gather)";
        json_schema!({
            "anyOf": [
                {"type": "array", "items": item},
                {"type": "string", "pattern": format!("^({one}(/{one})*)?$")}
            ],
            "errorMessage": "write a list of `MatMul`, `Gemm` and `Gather`, or these with `/` between"
        })
    }
}

impl<'de> Deserialize<'de> for NodeNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list(deserializer, ',').map(Self)
    }
}

impl JsonSchema for NodeNames {
    fn schema_name() -> Cow<'static, str> {
        "NodeNames".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "array", "items": {"type": "string"}},
            {"type": "string"}
        ]})
    }
}

impl<'de> Deserialize<'de> for Placement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Map(Map<String, Value>),
            Text(String),
        }
        let pair = |(group, width): (&str, &str)| Ok((word(group)?, word(width)?));
        let pairs: Result<_, D::Error> = match Either::deserialize(deserializer)? {
            Either::Map(map) => {
                let pairs = map.iter();
                pairs
                    .map(|(group, width)| pair((group, width.as_str().unwrap_or_default())))
                    .collect()
            }
            Either::Text(text) => split(&text, ',')
                .map(|entry| pair(entry.split_once(':').unwrap_or((entry, ""))))
                .collect(),
        };
        pairs.map(Self)
    }
}

impl Serialize for Placement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

impl JsonSchema for Placement {
    fn schema_name() -> Cow<'static, str> {
        "Placement".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let width = |what: &str| json!({"enum": ["int4", "int8"], "description": format!("Width of {what}.")});
        let one = "(last_matmul|mixed_layers|linear_attn):int[48]";
        json_schema!({
            "anyOf": [
                {"type": "string", "pattern": format!("^({one}(,{one})*)?$")},
                {
                    "type": "object",
                    "properties": {
                        "last_matmul": width("the layer that makes logits"),
                        "mixed_layers": width("queries, keys, values and `down_proj` of the chosen layers"),
                        "linear_attn": width("layers of linear attention")
                    },
                    "additionalProperties": false
                }
            ],
            "errorMessage": "write `last_matmul`, `mixed_layers` or `linear_attn`, each with `:int4` \
                or `:int8`, with commas between"
        })
    }
}

/// A list, or a text cut at each `separator`; nothing between two is left out.
fn list<'de, D: Deserializer<'de>>(
    deserializer: D,
    separator: char,
) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::List(list) => list,
        Either::Text(text) => split(&text, separator).map(str::to_owned).collect(),
    })
}

fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    text.split(separator).map(str::trim).filter(|part| !part.is_empty())
}

/// A word as a variant of an enum.
fn word<'a, T: Deserialize<'a>, E: Error>(word: &'a str) -> Result<T, E> {
    let deserializer: value::StrDeserializer<'a, value::Error> = word.into_deserializer();
    T::deserialize(deserializer).map_err(E::custom)
}
