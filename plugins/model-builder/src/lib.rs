//! Writing decoder models as ONNX graphs.
