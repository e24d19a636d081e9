//! Evaluation and generation for ONNX models through ONNX Runtime.
