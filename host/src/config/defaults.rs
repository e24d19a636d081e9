//! Defaults of a config, as its schema tells them.

use serde_json::Value;

use super::references::parts;

/// Fills in what `value` leaves out, as `schema` says.
///
/// Objects that are written get the defaults of their own keys too.
pub fn fill(value: &mut Value, schema: &Value) {
    fill_part(value, schema, schema);
}

/// The same for a part of a schema; its `$ref`s point into `document`.
fn fill_part(value: &mut Value, schema: &Value, document: &Value) {
    let Value::Object(map) = value else { return };
    for part in parts(schema, document) {
        let properties = part.get("properties").and_then(Value::as_object);
        for (key, property) in properties.into_iter().flatten() {
            if let Some(inner) = map.get_mut(key) {
                fill_part(inner, property, document);
                continue;
            }
            let parts = parts(property, document);
            if let Some(default) = parts.iter().find_map(|part| part.get("default")) {
                map.insert(key.clone(), default.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::fill;

    #[test]
    fn what_is_left_out_gets_its_default_and_what_is_written_stays() {
        let schema = json!({
            "properties": {
                "r": {"type": "integer", "default": 64},
                "training_args": {"$ref": "#/definitions/TrainingArgs"},
                "name": {"type": "string"}
            },
            "definitions": {"TrainingArgs": {"properties": {"seed": {"default": 42}}}}
        });
        for (written, filled) in [
            (json!({}), json!({"r": 64})),
            (json!({"r": 8}), json!({"r": 8})),
            (json!({"training_args": {}}), json!({"training_args": {"seed": 42}, "r": 64})),
        ] {
            let mut value = written;
            fill(&mut value, &schema);
            assert_eq!(value, filled);
        }
    }
}
