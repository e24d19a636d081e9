"""Writes adapters with ONNX Runtime's own writer: `python make.py`, with onnxruntime 1.32.0 and numpy."""

from pathlib import Path

import numpy
import onnxruntime

FOLDER = Path(__file__).parent


def write(name, adapter_version, model_version, parameters):
    adapter = onnxruntime.AdapterFormat()
    adapter.set_adapter_version(adapter_version)
    adapter.set_model_version(model_version)
    values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(value) for name, value in parameters.items()}
    adapter.set_parameters(values)
    adapter.export_adapter(str(FOLDER / f"{name}.onnx_adapter"))


def counted(shape, dtype):
    return numpy.arange(numpy.prod(shape)).reshape(shape).astype(dtype)


write("empty", 0, 0, {})
write("one", 0, 0, {"x": counted([3], "float32")})
write("scalar", 1, 0, {"s": counted([], "int32")})
write("odd", 1, 0, {"s": counted([], "int64"), "": counted([0, 3], "float32"), "xyz": counted([2], "uint8")})
write("lora", 3, 7, {
    "model.layers.0.attn.q_proj.lora_A.MatMul.weight": counted([8, 2], "float32"),
    "model.layers.0.attn.q_proj.lora_B.MatMul.weight": counted([2, 6], "float16"),
    "codes": counted([5], "int8"),
    "double": counted([1, 1], "float64"),
    "three": counted([3, 1, 1], "float16"),
})
