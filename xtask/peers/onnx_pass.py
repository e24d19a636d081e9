"""A pass of Olive on an ONNX model; `cargo xtask bench onnx --python` calls it.

Usage: onnx_pass.py MODEL PASS SETTINGS OUTPUT, with the model's folder and the settings as JSON. Needs olive-ai with
onnxruntime and torch.
"""

import importlib
import json
import sys
from pathlib import Path

from olive.hardware.accelerator import AcceleratorSpec
from olive.model import ONNXModelHandler
from olive.passes.olive_pass import create_pass_from_dict

MODULES = {
    "AddOliveMetadata": "add_metadata",
    "DynamicToFixedShape": "dynamic_to_fixed_shape",
    "GraphSurgeries": "graph_surgeries",
    "OnnxBlockWiseRtnQuantization": "rtn_quantization",
    "OnnxFloatToFloat16": "float16_conversion",
    "OnnxIODataTypeConverter": "io_datatype_converter",
    "OnnxKQuantQuantization": "kquant_quantization",
    "OnnxOpVersionConversion": "conversion",
    "OnnxPeepholeOptimizer": "peephole_optimizer",
    "SplitModel": "split",
}

model, name, settings, output = sys.argv[1:]
Path(output).mkdir(parents=True, exist_ok=True)
module = importlib.import_module(f"olive.passes.onnx.{MODULES[name]}")
settings = {"save_as_external_data": True, **json.loads(settings)}
accelerator = AcceleratorSpec("cpu", "CPUExecutionProvider")
made = create_pass_from_dict(getattr(module, name), settings, disable_search=True, accelerator_spec=accelerator)
made.run(ONNXModelHandler(model_path=model, onnx_file_name="model.onnx"), f"{output}/model.onnx")
