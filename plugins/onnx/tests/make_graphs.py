"""Makes `graphs/`: small graphs, and what Olive's passes make of them.

    python make_graphs.py

needs olive-ai 0.13.0, onnx 1.23.2, onnxruntime 1.32.0, onnxscript 0.7.2 and torch. Each case of
`cases.json` names a pass, its settings and a graph: one of `graphs/` or, with a slash, of
`tests/fixtures/builder`. `graphs/<case>.onnx` is Olive's result; bytes of weights over 1 KB are left
out of it, the test compares them by type and shape.
"""

import importlib
import json
import os
import tempfile
from pathlib import Path

os.environ["OLIVE_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnx
from olive.hardware.accelerator import AcceleratorSpec
from olive.model import ONNXModelHandler
from olive.passes.olive_pass import create_pass_from_dict
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
GRAPHS = HERE / "graphs"
BUILDER = HERE / "../../../tests/fixtures/builder"
MODULES = {
    "AddOliveMetadata": "add_metadata",
    "DynamicToFixedShape": "dynamic_to_fixed_shape",
    "GraphSurgeries": "graph_surgeries",
    "MatMulNBitsToQDQ": "mnb_to_qdq",
    "OnnxBlockWiseRtnQuantization": "rtn_quantization",
    "OnnxDynamicQuantization": "quantization",
    "OnnxFloatToFloat16": "float16_conversion",
    "OnnxIODataTypeConverter": "io_datatype_converter",
    "OnnxKQuantQuantization": "kquant_quantization",
    "OnnxOpVersionConversion": "conversion",
    "OnnxPeepholeOptimizer": "peephole_optimizer",
}

random = np.random.default_rng(8)


def weight(name, *shape, dtype=np.float32):
    return numpy_helper.from_array(random.standard_normal(shape).astype(dtype), name)


def constant(name, value, dtype=np.float32):
    return numpy_helper.from_array(np.array(value, dtype=dtype), name)


def value(name, *shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, list(shape))


def node(op, inputs, outputs, name=None, **attributes):
    name = name or f"/{outputs[0]}/{op}"
    return helper.make_node(op, inputs.split(), outputs if isinstance(outputs, list) else [outputs], name=name, **attributes)


def save(name, nodes, inputs, outputs, weights=(), infos=(), opset=21):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(weights), value_info=list(infos))
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.save(model, GRAPHS / f"{name}.onnx")


def ms(op, inputs, outputs, name=None, **attributes):
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return helper.make_node(op, inputs.split(), outputs, name=name or f"/{outputs[0]}/{op}", domain="com.microsoft", **attributes)


def gemm():
    nodes = [
        node("Gemm", "x w1 b", ["a"], transB=1),
        node("Gemm", "a w2", ["c"]),
        node("Gemm", "c w2 b", ["d"], alpha=0.5),
        node("Neg", "w1", ["n"]),
        node("Gemm", "d n b", ["y"], transB=1),
    ]
    weights = [weight("w1", 4, 4), weight("w2", 4, 4), weight("b", 4)]
    save("gemm", nodes, [value("x", "n", 4)], [value("y", "n", 4)], weights)


def matmul_add():
    nodes = [
        node("MatMul", "x w", ["m1"]),
        node("Add", "m1 b", ["s1"]),
        node("MatMul", "s1 w", ["m2"]),
        node("Add", "b m2", ["s2"]),
        node("Relu", "s2", ["r2"]),
        node("Sigmoid", "r2", ["g2"]),
        node("MatMul", "g2 w", ["m3"]),
        node("Add", "m3 b", ["y"]),
        node("MatMul", "q w", ["m4"]),
        node("Add", "m4 b", ["s4"]),
        node("Neg", "s4", ["z"]),
    ]
    weights = [weight("w", 4, 4), weight("b", 4)]
    infos = [value(name, 2, 3, 4) for name in ("m1", "s1", "m2", "s2", "r2", "g2", "m3")]
    infos += [value("m4", 5, 4), value("s4", 5, 4)]
    save("matmul-add", nodes, [value("x", 2, 3, 4), value("q", 5, 4)], [value("y", 2, 3, 4), value("z", 5, 4)], weights, infos)


def mask():
    nodes = [
        node("Shape", "x", ["shape"]),
        node("ConstantOfShape", "shape", ["filled"], value=constant("v", [-3.4028235e38])),
        helper.make_node("Constant", [], ["low"], name="low", value=constant("low_value", [-3.4028235e38, 0.0])),
        node("Where", "c low x", ["chosen"]),
        node("Add", "chosen filled", ["sum"]),
        node("Add", "sum w", ["masked"]),
        node("Max", "masked kept", ["y"]),
    ]
    weights = [constant("w", [-3.4028235e38, 1.0]), constant("kept", [-3.4028235e38, 1.0])]
    save("mask", nodes, [value("x", "n", 2), value("c", "n", 2, dtype=TensorProto.BOOL)], [value("y", "n", 2)], weights)


def tied():
    table = random.standard_normal((6, 4)).astype(np.float32)
    nodes = [
        node("Gather", "table input_ids", ["hidden"]),
        node("Sigmoid", "hidden", ["inner"]),
        node("MatMul", "inner head", ["logits"], name="/lm_head/MatMul"),
    ]
    weights = [numpy_helper.from_array(table, "table"), numpy_helper.from_array(table.T.copy(), "head")]
    infos = [value("hidden", "n", "s", 4), value("inner", "n", "s", 4)]
    save("tied", nodes, [value("input_ids", "n", "s", dtype=TensorProto.INT64)], [value("logits", "n", "s", 6)], weights, infos)


def tied_quantized():
    codes = random.integers(0, 256, (6, 16)).astype(np.uint8)
    scales = random.standard_normal((6, 2)).astype(np.float32)
    nodes = [
        ms("GatherBlockQuantized", "codes input_ids scales", ["hidden"], bits=4, block_size=16, gather_axis=0, quantize_axis=1),
        ms("MatMulNBits", "hidden head_codes head_scales", ["logits"], name="/lm_head/MatMulNBits", K=32, N=6, bits=4, block_size=16),
    ]
    weights = [
        numpy_helper.from_array(codes, "codes"),
        numpy_helper.from_array(scales, "scales"),
        numpy_helper.from_array(codes.reshape(6, 2, 8), "head_codes"),
        numpy_helper.from_array(scales.ravel(), "head_scales"),
    ]
    infos = [value("hidden", "n", "s", 32)]
    save("tied-quantized", nodes, [value("input_ids", "n", "s", dtype=TensorProto.INT64)], [value("logits", "n", "s", 6)], weights, infos)


def reciprocal():
    nodes = [
        node("Sqrt", "x", ["root"]),
        node("Reciprocal", "root", ["below"]),
        node("Mul", "x below", ["a"], name="norm/Mul_1"),
        node("Mul", "below w", ["b"]),
        node("Reciprocal", "w", ["other"]),
        node("Add", "a b", ["c"]),
        node("Add", "c other", ["y"]),
    ]
    save("reciprocal", nodes, [value("x", "n", 2)], [value("y", "n", 2)], [constant("w", [2.0, 3.0])])


def lp_norm():
    nodes = [
        node("Pow", "x two", ["square"]),
        node("ReduceSum", "square axis", ["sum"], keepdims=1),
        node("Pow", "sum half", ["root"]),
        node("Div", "x root", ["y"]),
    ]
    weights = [constant("two", 2.0), constant("half", 0.5), constant("axis", [-1], np.int64)]
    save("lp-norm", nodes, [value("x", "n", 4)], [value("y", "n", 4)], weights)


def twice():
    """A node twice, weights of a branch twice, copies between devices, lists of groups."""
    branch = helper.make_graph(
        [node("Add", "x twice", ["inner"])], "then", [], [value("inner", "n", 16)],
        [weight("twice", 16), weight("twice", 16)],
    )
    other = helper.make_graph([node("Neg", "x", ["negated"])], "else", [], [value("negated", "n", 16)])
    nodes = [
        node("Neg", "x", ["a"]),
        node("Neg", "x", ["a"], name="again"),
        helper.make_node("MemcpyToHost", ["a"], ["host"], name="there"),
        helper.make_node("MemcpyFromHost", ["host"], ["back"], name="here"),
        helper.make_node("If", ["flag"], ["chosen"], name="if", then_branch=branch, else_branch=other),
        node("Add", "back chosen", ["sum"]),
        ms("MatMulNBits", "sum codes scales  m.g_idx", ["product"], K=16, N=2, bits=4, block_size=16),
        helper.make_node("MemcpyToHost", ["product"], ["y"], name="out"),
    ]
    nodes[6].input[:] = ["sum", "codes", "scales", "", "m.g_idx"]
    weights = [
        numpy_helper.from_array(random.integers(0, 256, (2, 1, 8)).astype(np.uint8), "codes"),
        weight("scales", 2, 1),
        numpy_helper.from_array(np.zeros(16, np.int32), "m.g_idx"),
    ]
    inputs = [value("x", "n", 16), value("flag", dtype=TensorProto.BOOL)]
    save("twice", nodes, inputs, [value("y", "n", 2)], weights)


def skip_norm():
    nodes = [
        helper.make_node("SimplifiedLayerNormalization", ["x", "w"], ["a"], name="/n1/SimplifiedLayerNormalization", axis=-1, epsilon=1e-5, stash_type=1),
        ms("SkipSimplifiedLayerNormalization", "a x w2", ["b", "", "", "s"], name="/n2/SkipLayerNorm", epsilon=1e-5),
        node("Neg", "s", ["z"]),
        ms("SkipSimplifiedLayerNormalization", "b s ones", ["c"], name="/n3/SkipLayerNorm", epsilon=1e-5),
        node("Neg", "c", ["y"]),
    ]
    weights = [weight("w", 8), weight("w2", 8), constant("ones", [1.0] * 8)]
    infos = [value(name, "n", 8) for name in ("a", "b", "s")]
    save("norms", nodes, [value("x", "n", 8)], [value("y", "n", 8), value("z", "n", 8)], weights, infos)


def redundant():
    nodes = [
        node("Identity", "x", ["same"]),
        node("Cast", "same", ["cast"], to=TensorProto.FLOAT),
        node("Transpose", "cast", ["t1"], perm=[1, 0]),
        node("Transpose", "t1", ["t2"], perm=[1, 0]),
        node("Sigmoid", "t2", ["s1"]),
        node("Sigmoid", "t2", ["s2"]),
        node("Add", "s1 s2", ["sum"]),
        node("Exp", "sum", ["unused"]),
        node("Reshape", "sum two", ["r1"]),
        node("Reshape", "r1 flat", ["r2"]),
        node("Cast", "r2", ["h"], to=TensorProto.FLOAT16),
        node("Cast", "h", ["f"], to=TensorProto.FLOAT),
        node("Neg", "f", ["y"]),
    ]
    weights = [constant("two", [2, -1], np.int64), constant("flat", [-1], np.int64)]
    infos = [value(name, "n", 4) for name in ("same", "cast", "t2", "s1", "s2", "sum")]
    infos += [value("r1", 2, "m"), value("r2", "k")]
    save("redundant", nodes, [value("x", "n", 4)], [value("y", "k")], weights, infos)


def shapes():
    nodes = [node("Neg", "x", ["a"]), node("Add", "a z", ["y"])]
    inputs = [value("x", "batch", "length", -1), value("z", "batch", "length", 3)]
    save("shapes", nodes, inputs, [value("y", "batch", "length", 3)], infos=[value("a", "batch", "length", None)])


def names():
    nodes = [node("Neg", "x", ["a"]), node("Add", "a z", ["y"])]
    inputs = [value("x", "batch", "length"), value("z", "batch", "length")]
    save("names", nodes, inputs, [value("y", "batch", "length")], infos=[value("a", "batch", "length")])


def half():
    nodes = [
        node("Gather", "table ids", ["a"]),
        node("MatMul", "a w", ["b"]),
        node("Softmax", "b", ["c"], axis=-1),
        node("Resize", "c  scales", ["d"], mode="nearest"),
        node("Mul", "d small", ["y"]),
    ]
    nodes[3].input[:] = ["c", "", "scales"]
    weights = [weight("table", 6, 4), weight("w", 4, 4), constant("scales", [1.0, 1.0, 1.0]), constant("small", [1e-9, 1e6, -1e6, 0.0])]
    infos = [value(name, "n", "s", 4) for name in "abcd"]
    save("half", nodes, [value("ids", "n", "s", dtype=TensorProto.INT64)], [value("y", "n", "s", 4)], weights, infos)


def blocks():
    nodes = [
        node("Gather", "table ids", ["hidden"]),
        node("MatMul", "hidden w1", ["first"]),
        node("MatMul", "first w2", ["second"]),
        node("Neg", "second", ["y"]),
    ]
    table = random.standard_normal((5, 40)).astype(np.float32)
    table[1] = 0
    weights = [numpy_helper.from_array(table, "table"), weight("w1", 40, 24), weight("w2", 24, 6)]
    save("blocks", nodes, [value("ids", "n", dtype=TensorProto.INT64)], [value("y", "n", 6)], weights)


def everything():
    """A graph in which every setting of every pass finds something to do."""
    table = weight("table", 64, 32)
    copy = numpy_helper.from_array(numpy_helper.to_array(table), "copy")
    nodes = [
        node("Identity", "x", ["same"]),
        node("Transpose", "same", ["t1"], perm=[1, 0]),
        node("Transpose", "t1", ["t2"], perm=[1, 0]),
        helper.make_node("Constant", [], ["more"], name="more", value=weight("", 32)),
        node("Add", "t2 more", ["sum"]),
        node("MatMul", "sum copy", ["m1"]),
        node("MatMul", "sum table", ["m2"]),
        node("Add", "m1 m2", ["m"]),
        ms("MatMulNBits", "m codes scales", ["q"], K=64, N=32, bits=4, block_size=32),
        node("Max", "q zero", ["p"]),
        node("Reshape", "p shape", ["r1"]),
        node("Reshape", "r1 flat", ["r2"]),
        node("Cast", "r2", ["h"], to=TensorProto.FLOAT16),
        node("Cast", "h", ["y"], to=TensorProto.FLOAT),
    ]
    table, copy = (numpy_helper.from_array(numpy_helper.to_array(t).reshape(32, 64), t.name) for t in (table, copy))
    codes = numpy_helper.from_array(random.integers(0, 256, (32, 2, 16)).astype(np.uint8), "codes")
    quantized = [codes, weight("scales", 32, 2), constant("zero", [0.0])]
    weights = [table, copy, *quantized, constant("shape", [2, -1], np.int64), constant("flat", [-1], np.int64)]
    infos = [value("r2", "k")]
    save("everything", nodes, [value("x", "batch", 32)], [value("y", "k")], weights, infos)
    path = GRAPHS / "everything.onnx"
    model = onnx.load(path)
    del model.opset_import[1]
    onnx.save(model, path)


def run(case):
    module = importlib.import_module(f"olive.passes.onnx.{MODULES[case['pass']]}")
    accelerator = AcceleratorSpec("cpu", "CPUExecutionProvider")
    made = create_pass_from_dict(getattr(module, case["pass"]), case["config"], disable_search=True, accelerator_spec=accelerator)
    graph = case["graph"]
    path = BUILDER / graph / "model.onnx" if graph.startswith("tiny-") else GRAPHS / f"{graph}.onnx"
    with tempfile.TemporaryDirectory() as folder:
        result = made.run(ONNXModelHandler(model_path=str(path)), f"{folder}/model.onnx")
        model = onnx.load(result.model_path)
    tensors = list(model.graph.initializer)
    for node in model.graph.node:
        for attribute in node.attribute:
            tensors += [attribute.t] if attribute.HasField("t") else []
            tensors += [t for n in attribute.g.node for a in n.attribute if a.HasField("t") for t in [a.t]]
    for tensor in tensors:
        if len(tensor.raw_data) > 1024:
            tensor.raw_data = b""
    onnx.save(model, GRAPHS / f"{case['name']}.onnx")


if __name__ == "__main__":
    for make in (gemm, matmul_add, mask, tied, tied_quantized, reciprocal, lp_norm, twice, skip_norm, redundant, shapes, names, half, everything, blocks):
        make()
    for case in json.loads((HERE / "cases.json").read_text()):
        try:
            run(case)
        except Exception as error:  # noqa: BLE001
            print("FAILED", case["name"], repr(error)[:300])
