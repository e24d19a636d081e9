//! The smallest ONNX model that has something to edit: a product between two nodes that change
//! nothing, and a rectifier.
//!
//! `templates/shared/view.json` tells the same as a graph pass is shown it. Numbers of fields are
//! those of `onnx.proto`.

/// Element type of 32-bit floats.
const FLOAT: u64 = 1;

/// Nodes: name, operator, inputs, output.
const NODES: [(&str, &str, &[&str], &str); 4] = [
    ("pass_on", "Identity", &["x"], "same"),
    ("multiply", "MatMul", &["same", "w"], "product"),
    ("drop", "Dropout", &["product"], "dropped"),
    ("cut", "Relu", &["dropped"], "y"),
];

/// The initializer `w`, of shape `[4, 2]`.
const WEIGHT: [f32; 8] = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0];

/// The file `model.onnx`.
pub(super) fn model() -> Vec<u8> {
    let opset = number(2, 21);
    [number(1, 10), text(2, "olive"), message(7, &graph()), message(8, &opset)].concat()
}

fn graph() -> Vec<u8> {
    let nodes = NODES.iter().flat_map(|(name, operator, inputs, output)| {
        let inputs = inputs.iter().flat_map(|input| text(1, input));
        let rest = [text(2, output), text(3, name), text(4, operator)].concat();
        message(1, &inputs.chain(rest).collect::<Vec<u8>>())
    });
    let values = [message(11, &value("x", 4)), message(12, &value("y", 2))].concat();
    let rest = [text(2, "example"), message(5, &weight()), values].concat();
    nodes.chain(rest).collect()
}

fn weight() -> Vec<u8> {
    let data: Vec<u8> = WEIGHT.iter().flat_map(|value| value.to_le_bytes()).collect();
    [number(1, 4), number(1, 2), number(2, FLOAT), text(8, "w"), message(9, &data)].concat()
}

/// A value of the shape `[batch, columns]`.
fn value(name: &str, columns: u64) -> Vec<u8> {
    let dims = [message(1, &text(2, "batch")), message(1, &number(1, columns))].concat();
    let tensor = [number(1, FLOAT), message(2, &dims)].concat();
    [text(1, name), message(2, &message(1, &tensor))].concat()
}

fn text(field: u64, text: &str) -> Vec<u8> {
    message(field, text.as_bytes())
}

/// A field of bytes, behind their count.
fn message(field: u64, bytes: &[u8]) -> Vec<u8> {
    [&varint(field << 3 | 2)[..], &varint(bytes.len() as u64), bytes].concat()
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// Seven bits a byte, the lowest first; all bytes but the last have the highest bit.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            bytes.push(low & 0x7f);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::{NODES, varint};

    #[test]
    fn numbers_have_seven_bits_a_byte() {
        assert_eq!(varint(127), [0x7f]);
        assert_eq!(varint(300), [0xac, 0x02]);
    }

    #[test]
    fn the_view_tells_the_same_nodes() {
        let view: serde_json::Value =
            serde_json::from_str(include_str!("../../../templates/shared/view.json")).unwrap();
        let told = view["graph"]["nodes"].as_array().unwrap();
        let nodes = NODES.map(|(name, operator, inputs, output)| {
            serde_json::json!([name, operator, inputs, [output]])
        });
        let keys = ["name", "op_type", "inputs", "outputs"];
        let told = told.iter().map(|node| keys.iter().map(|key| node[key].clone()).collect());
        assert_eq!(told.collect::<Vec<serde_json::Value>>(), nodes);
    }
}
