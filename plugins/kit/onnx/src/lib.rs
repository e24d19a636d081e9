//! ONNX files: protobuf types, graph construction, external data.
