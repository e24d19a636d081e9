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
import torch
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
    "ExtractAdapters": "extract_adapters",
    "GraphSurgeries": "graph_surgeries",
    "MatMulNBitsToQDQ": "mnb_to_qdq",
    "OnnxBlockWiseRtnQuantization": "rtn_quantization",
    "OnnxDynamicQuantization": "quantization",
    "OnnxFloatToFloat16": "float16_conversion",
    "OnnxIODataTypeConverter": "io_datatype_converter",
    "OnnxKQuantQuantization": "kquant_quantization",
    "OnnxOpVersionConversion": "conversion",
    "OnnxPeepholeOptimizer": "peephole_optimizer",
    "SplitModel": "split",
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


def ends():
    """A sum of three inputs beside that of two, and a weight that is an input too."""
    nodes = [
        node("Sum", "x z q", ["three"]),
        node("Mul", "three w", ["y"]),
        node("Sum", "x z", ["sum"]),
        node("Mul", "sum w", ["two"]),
    ]
    inputs = [value(name, "n", 4) for name in "xzq"] + [value("w", 4)]
    save("ends", nodes, inputs, [value("y", "n", 4), value("two", "n", 4)], [constant("w", [2.0, -0.5, 3.0, 0.25])])


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


def dynamic():
    """What is quantized while it runs: products, sums, a table used as such and as a matrix."""
    nodes = [
        node("Gather", "table ids", ["h"]),
        node("MatMul", "h w1", ["m1"]),
        node("Relu", "m1", ["r"]),
        node("Transpose", "h", ["turned"], perm=[1, 0]),
        node("MatMul", "r w2", ["m2"], name=""),
        node("MatMul", "r w2", ["m3"], name=""),
        node("Gemm", "m2 w3 b", ["g"], transB=1),
        node("Gemm", "g w4", ["s"]),
        node("Gemm", "s w4 b", ["s2"], alpha=0.5),
        node("Transpose", "table", ["columns"], perm=[1, 0]),
        node("MatMul", "s2 columns", ["y"]),
        node("Neg", "turned", ["z"]),
        node("MatMul", "first w1", ["c"]),
        node("MatMul", "m3 w1", ["d"]),
        node("Mul", "d w2", ["e"]),
        node("Identity", "e", ["same"]),
        node("Sigmoid", "same", ["f"]),
    ]
    w1 = numpy_helper.to_array(weight("", 8, 8)).copy()
    w1[:, 2], w1[:, 3] = 0, 1e-40
    w1[:, 4] = np.abs(w1[:, 4])
    weights = [weight("table", 6, 8), numpy_helper.from_array(w1, "w1"), weight("w2", 8, 8), weight("w3", 8, 8)]
    weights += [weight("w4", 8, 8), weight("b", 8), weight("first", 4, 8)]
    infos = [value(name, 8, 8) for name in ("h", "m1", "r", "m2", "m3", "g", "s", "s2", "d", "turned")]
    outputs = [value("y", 8, 6), value("z", 8, 8), value("c", 4, 8), value("f", 8, 8)]
    save("dynamic", nodes, [value("ids", 8, dtype=TensorProto.INT64)], outputs, weights, infos)


def lifted():
    """A matrix that a node holds, a copy, and the same product twice."""
    nodes = [
        node("Identity", "x", ["same"]),
        helper.make_node("Constant", [], ["w"], name="w", value=weight("", 8, 8)),
        node("MatMul", "same w", ["m1"]),
        node("MatMul", "x w", ["m2"]),
        node("Add", "m1 m2", ["y"]),
    ]
    infos = [value(name, "n", 8) for name in ("same", "m1", "m2")]
    save("lifted", nodes, [value("x", "n", 8)], [value("y", "n", 8)], infos=infos)


def convolution():
    nodes = [
        node("Conv", "x w b", ["a"], pads=[1, 1, 1, 1]),
        node("Conv", "a w2", ["c"]),
        node("Flatten", "c", ["d"]),
        ms("Attention", "e p q", ["y"], num_heads=2),
        node("LayerNormalization", "y scale", ["z"]),
    ]
    weights = [weight("w", 3, 2, 3, 3), weight("b", 3), weight("w2", 2, 3, 1, 1), weight("p", 4, 12), weight("q", 12), constant("scale", [1.0] * 4)]
    infos = [value("a", 1, 3, 4, 4), value("c", 1, 2, 4, 4), value("y", 1, "n", 4)]
    inputs = [value("x", 1, 2, 4, 4), value("e", 1, "n", 4)]
    save("convolution", nodes, inputs, [value("d", 1, 32), value("z", 1, "n", 4)], weights, infos)


def everything():
    """A graph in which every setting of every pass finds something to do."""
    table = weight("table", 64, 32)
    copy = numpy_helper.from_array(numpy_helper.to_array(table), "copy")
    nodes = [
        node("Gather", "table first", ["rows"]),
        node("Identity", "x", ["same"]),
        node("Transpose", "same", ["t1"], perm=[1, 0]),
        node("Transpose", "t1", ["t2"], perm=[1, 0]),
        helper.make_node("Constant", [], ["more"], name="more", value=weight("", 32)),
        node("Add", "t2 more", ["sum"]),
        node("MatMul", "sum copy", ["m1"]),
        node("MatMul", "sum table", ["m2"]),
        node("Add", "m1 m2", ["m"]),
        node("MatMul", "sum m.lora_A.weight", ["down"]),
        node("MatMul", "down m.lora_B.weight", ["up"]),
        node("Mul", "up m.lora_magnitude_vector", ["scaled"]),
        node("Add", "m scaled", ["adapted"]),
        ms("MatMulNBits", "adapted codes scales", ["q"], K=64, N=32, bits=4, block_size=32),
        node("Max", "q zero", ["p"]),
        node("Reshape", "p shape", ["r1"]),
        node("Reshape", "r1 flat", ["r2"]),
        node("Cast", "r2", ["h"], to=TensorProto.FLOAT16),
        node("Cast", "h", ["y"], to=TensorProto.FLOAT),
    ]
    table, copy = (numpy_helper.from_array(numpy_helper.to_array(t).reshape(32, 64), t.name) for t in (table, copy))
    codes = numpy_helper.from_array(random.integers(0, 256, (32, 2, 16)).astype(np.uint8), "codes")
    quantized = [codes, weight("scales", 32, 2), constant("zero", [0.0])]
    numbers = np.linspace(-1, 1, 32 * 2 + 2 * 64 + 64).astype(np.float32)
    parts = (("lora_A.weight", 0, (32, 2)), ("lora_B.weight", 64, (2, 64)), ("lora_magnitude_vector", 192, (64,)))
    quantized += [numpy_helper.from_array(numbers[at : at + np.prod(dims)].reshape(dims), f"m.{name}") for name, at, dims in parts]
    weights = [table, copy, *quantized, constant("first", [0, 1], np.int64), constant("shape", [2, -1], np.int64), constant("flat", [-1], np.int64)]
    infos = [value("r2", "k")]
    outputs = [value("y", "k"), value("rows", 2, 64)]
    save("everything", nodes, [value("x", "batch", 32)], outputs, weights, infos)
    path = GRAPHS / "everything.onnx"
    model = onnx.load(path)
    del model.opset_import[1]
    onnx.save(model, path)


def constants():
    """Each operator that is folded, on constants; what it gives goes through `Identity`."""
    ints, small = np.array([[7, -7, 3], [-2, 5, 0]], np.int64), np.array([3, -3, 2], np.int64)
    floats, few = np.float32([[0.1, -2.5, 3e9], [1e-3, 7.75, -0.0]]), np.float32([3.0, -7.0, 1e-3])
    known = {"ints": ints, "small": small, "floats": floats, "few": few, "halves": floats.astype(np.float16) / np.float16(3)}
    known |= {"truths": ints > 0, "narrow": small.astype(np.int32), "bytes": np.uint8([[1, 200]]), "tiny": np.float32(0.3)}
    for name, values in {"zero": 0, "one": 1, "two": 2, "ten": 10, "three": 3, "end": 2**62, "back": -2}.items():
        known[name], known[f"{name}s"] = np.int64(values), np.int64([values])
    known |= {"axes": np.int64([0, 2]), "shape": np.int64([3, -1]), "kept": np.int64([0, -1, 1]), "wide": np.int64([2, 2, 3]), "pair": np.int64([[1, -1]])}
    rows = [("Identity", "ints"), ("Not", "truths"), ("Neg", "ints"), ("Neg", "floats"), ("Abs", "small"), ("Abs", "halves")]
    rows += [("Floor", "floats"), ("Ceil", "floats"), ("Sqrt", "tiny"), ("Size", "floats"), ("Shape", "wide"), ("Transpose", "ints")]
    rows += [(op, f"{a} {b}") for op in ("Add", "Sub", "Mul", "Div") for a, b in (("ints", "small"), ("floats", "few"), ("halves", "halves"), ("narrow", "narrow"))]
    rows += [(op, "ints small") for op in ("Mod", "Min", "Max")] + [("Min", "few few"), ("And", "truths truths"), ("Or", "truths truths")]
    rows += [(op, f"{a} {b}") for op in ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual") for a, b in (("ints", "small"), ("floats", "few"))]
    rows += [("Gather", "ints pair"), ("Unsqueeze", "ints axes"), ("Reshape", "ints shape"), ("Reshape", "ints kept"), ("Expand", "ints wide")]
    rows += [("Where", "truths ints small"), ("Where", "truths floats few"), ("Range", "zero ten three"), ("Range", "ten zero back"), ("ConstantOfShape", "wide")]
    rows += [("Slice", "ints ones ends ones"), ("Slice", "ints zeros ends ones twos"), ("Slice", "ints backs ends zeros")]
    nodes = [(row, {}) for row in rows] + [(("Concat", "ints ints"), {"axis": -1}), (("Gather", "floats pair"), {"axis": 1}), (("Mod", "ints small"), {"fmod": 1})]
    nodes += [(("Shape", "wide"), {"start": -1}), (("Transpose", "floats"), {"perm": [1, 0]})]
    for to in (1, 2, 6, 7, 9, 10, 11):
        nodes += [(("Cast", name), {"to": to}) for name in ("ints", "few", "halves", "truths", "bytes")]
    made, outputs = [], []
    for index, ((op, inputs), attributes) in enumerate(nodes):
        made += [node(op, inputs, [f"value{index}"], **attributes), node("Identity", f"value{index}", [f"shown{index}"])]
        outputs.append(helper.make_empty_tensor_value_info(f"shown{index}"))
    weights = [numpy_helper.from_array(np.asarray(values), name) for name, values in known.items()]
    graph = helper.make_graph(made, "constants", [], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model), GRAPHS / "constants.onnx")


class Block(torch.nn.Module):
    """A small layer, written as models are."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(8)
        self.qkv, self.out = torch.nn.Linear(8, 24), torch.nn.Linear(8, 8)
        self.norm, self.drop = torch.nn.LayerNorm(8), torch.nn.Dropout(0.1)
        self.register_buffer("mask", torch.tril(torch.ones(16, 16)).view(1, 1, 16, 16))

    def forward(self, x):
        batch, length, width = x.shape
        heads = (part.view(batch, length, 2, 4).transpose(1, 2) for part in self.qkv(self.norm(x)).split(8, dim=2))
        q, k, v = heads
        scores = (q @ k.transpose(-1, -2)) / (k.size(-1) ** 0.5)
        scores = scores.masked_fill(self.mask[:, :, :length, :length] == 0, float("-1e4"))
        scores = self.drop(torch.softmax(scores.float(), -1).to(q.dtype))
        y = (scores @ v).transpose(1, 2).contiguous().view(batch, length, width)
        positions = torch.arange(length, device=x.device).unsqueeze(0).expand(batch, length)
        return x + self.drop(self.out(y)), positions


def exported():
    """The layer as both exporters of PyTorch write it, before anything is optimized."""
    names = {"input_names": ["x"], "output_names": ["y", "positions"]}
    axes = {name: {0: "n", 1: "l"} for name in ("x", "y", "positions")}
    arguments = (Block().eval(), (torch.zeros(2, 5, 8),))
    path = GRAPHS / "traced.onnx"
    torch.onnx.export(*arguments, path, dynamo=False, **names, dynamic_axes=axes, do_constant_folding=False, opset_version=17)
    dims = {0: torch.export.Dim("n"), 1: torch.export.Dim("l", max=16)}
    program = torch.onnx.export(*arguments, dynamo=True, **names, dynamic_shapes={"x": dims}, optimize=False, opset_version=18)
    program.save(GRAPHS / "exported.onnx")
    for name in ("traced", "exported"):
        model = onnx.load(GRAPHS / f"{name}.onnx")
        model.ClearField("metadata_props")
        model.graph.ClearField("metadata_props")
        for part in [*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
        onnx.save(model, GRAPHS / f"{name}.onnx")
def packed():
    """Attention over segments of a sequence, as exported vision models have it."""
    heads = [helper.make_node("Transpose", [name], [f"{name}_heads"], name=f"/{name}/Transpose", perm=[0, 2, 1, 3]) for name in "qkv"]
    attend = [
        helper.make_node("PackedAttention", ["q_heads", "k_heads", "v_heads", "bounds"], ["first"], name="/first/PackedAttention", domain="custom", num_heads=2, scale=0.5),
        helper.make_node("Transpose", ["first"], ["first_heads"], name="/first/Transpose", perm=[0, 2, 1, 3]),
        helper.make_node("PackedAttention", ["first_heads", "k_heads", "v_heads", "bounds"], ["y"], name="/second/PackedAttention", domain="custom", num_heads=2, scale=0.25),
    ]
    inputs = [value(name, 1, "length", 2, 4) for name in "qkv"] + [value("bounds", "segments", dtype=TensorProto.INT32)]
    save("packed", heads + attend, inputs, [value("y", 1, "length", 2, 4)])
    path = GRAPHS / "packed.onnx"
    model = onnx.load(path)
    model.opset_import.append(helper.make_opsetid("custom", 1))
    onnx.save(model, path)


def pieces():
    """Modules that share constants and dequantized weights, with nodes of no module between."""
    nodes = [
        node("Shape", "x", ["shape"]),
        helper.make_node("Constant", [], ["two"], name="two", value=constant("v", [2.0])),
        node("DequantizeLinear", "codes scale zero", ["w"]),
        node("MatMul", "x w", ["a"], name="/m/first/MatMul"),
        node("Mul", "a two", ["b"], name="/m/first/inner/Mul"),
        node("Identity", "b", ["same"]),
        node("QuantizeLinear", "same scale zero", ["q"], name="/m/second/QuantizeLinear"),
        node("DequantizeLinear", "q scale zero", ["d"], name="/m/second/DequantizeLinear"),
        node("Relu", "d", ["between"]),
        node("MatMul", "d w", ["c"], name="/m/second/MatMul"),
        node("Mul", "c two", ["e"], name="/m/first/late/Mul"),
        node("Add", "e between", ["y"], name="/m/third/Add"),
        node("Reshape", "y shape", ["z"]),
    ]
    codes = numpy_helper.from_array(random.integers(0, 256, (4, 4)).astype(np.uint8), "codes")
    weights = [codes, constant("scale", 0.1), constant("zero", 128, np.uint8)]
    infos = [value(name, "n", 4) for name in ("a", "b", "same", "d", "between", "c", "e")]
    infos += [value("shape", 2, dtype=TensorProto.INT64), value("q", "n", 4, dtype=TensorProto.UINT8), value("w", 4, 4)]
    save("pieces", nodes, [value("x", "n", 4)], [value("y", "n", 4), value("z", "n", 4)], weights, infos)
    path = GRAPHS / "pieces.onnx"
    model = onnx.load(path)
    helper.set_model_props(model, {"split_assignments": "m.first=0;m.second=1;m.third=2"})
    onnx.save(model, path)


def lora():
    """An adapter whose weights are called as the builder of ONNX Runtime GenAI calls them."""
    a, b = (f"m.q_proj.lora_{letter}.MatMul.weight" for letter in "AB")
    nodes = [
        node("MatMul", "x w", ["base"], name="/m/q_proj/MatMul"),
        node("MatMul", f"x {a}", ["down"], name="/m/q_proj/lora_A/MatMul"),
        node("MatMul", f"down {b}", ["up"], name="/m/q_proj/lora_B/MatMul"),
        node("Add", "base up", ["y"], name="/m/q_proj/lora/Add"),
    ]
    weights = [weight("w", 4, 6), weight(a, 4, 2), weight(b, 2, 6)]
    save("lora", nodes, [value("x", "n", 4)], [value("y", "n", 6)], weights)


def lora_nodes():
    """Adapters as PyTorch's older exporter writes them; in one graph two modules share a weight."""
    for name, ups in (("lora-nodes", ("zeros", "onnx::MatMul_12")), ("lora-shared", ("zeros", "zeros"))):
        lora_modules(name, ups)


def lora_modules(name, ups):
    nodes = [node("MatMul", "x w", ["base"], name="/m/q_proj/MatMul")]
    for module, up in zip(("q_proj", "v_proj"), ups):
        nodes += [
            node("MatMul", f"x onnx::MatMul_{module}", [f"{module}_down"], name=f"/m/{module}/default/MatMul"),
            node("MatMul", f"{module}_down {up}", [f"{module}_up"], name=f"/m/{module}/default_1/MatMul"),
        ]
    nodes.append(node("Sum", "base q_proj_up v_proj_up", ["y"]))
    weights = [weight("w", 4, 6), numpy_helper.from_array(np.zeros((2, 6), np.float32), "zeros"), weight("onnx::MatMul_12", 2, 6)]
    weights += [weight(f"onnx::MatMul_{module}", 4, 2) for module in ("q_proj", "v_proj")]
    save(name, nodes, [value("x", "n", 4)], [value("y", "n", 6)], weights)


def loha():
    names = [f"m.q_proj.hada_w{number}_{letter}.default" for number in (1, 2) for letter in "ab"]
    nodes = [
        node("MatMul", f"{names[0]} {names[1]}", ["w1"]),
        node("MatMul", f"{names[2]} {names[3]}", ["w2"]),
        node("Mul", "w1 w2", ["delta"]),
        node("Add", "w delta", ["sum"]),
        node("MatMul", "x sum", ["y"]),
    ]
    weights = [weight("w", 4, 6)] + [weight(name, *((4, 2), (2, 6))[index % 2]) for index, name in enumerate(names)]
    save("loha", nodes, [value("x", "n", 4)], [value("y", "n", 6)], weights)


def lora_quantized():
    """Adapters of which one is quantized for ONNX Runtime, one by pairs of nodes."""
    nodes = [
        ms("MatMulNBits", "x codes scales", ["k_down"], name="/m/k_proj/default/MatMul_Q4", K=32, N=4, bits=4, block_size=32),
        node("DequantizeLinear", "bytes scale zero", ["matrix"]),
        node("MatMul", "x matrix", ["v_down"], name="/m/v_proj/default/MatMul"),
        node("Add", "k_down v_down", ["y"]),
    ]
    codes = numpy_helper.from_array(random.integers(0, 256, (4, 1, 16)).astype(np.uint8), "codes")
    table = numpy_helper.from_array(random.integers(0, 256, (32, 4)).astype(np.uint8), "bytes")
    weights = [codes, weight("scales", 4, 1), table, constant("scale", 0.1), constant("zero", 128, np.uint8)]
    save("lora-quantized", nodes, [value("x", "n", 32)], [value("y", "n", 4)], weights)


def dora():
    nodes = [
        node("Gemm", "x m.lora_A.weight", ["down"], transB=1),
        node("MatMul", "down m.lora_B.weight", ["up"]),
        node("Mul", "up m.lora_magnitude_vector", ["y"]),
    ]
    weights = [weight("m.lora_A.weight", 2, 4), weight("m.lora_B.weight", 2, 6), weight("m.lora_magnitude_vector", 6)]
    save("dora", nodes, [value("x", "n", 4)], [value("y", "n", 6)], weights)


def run(case):
    module = importlib.import_module(f"olive.passes.onnx.{MODULES[case['pass']]}")
    accelerator = AcceleratorSpec("cpu", "CPUExecutionProvider")
    made = create_pass_from_dict(getattr(module, case["pass"]), case["config"], disable_search=True, accelerator_spec=accelerator)
    graph = case["graph"]
    path = BUILDER / graph / "model.onnx" if graph.startswith("tiny-") else GRAPHS / f"{graph}.onnx"
    with tempfile.TemporaryDirectory() as folder:
        result = made.run(ONNXModelHandler(model_path=str(path)), f"{folder}/model.onnx")
        if case["pass"] == "SplitModel":
            for part, component in result.get_model_components():
                keep(onnx.load(component.model_path), f"{case['name']}.{part}")
            return
        keep(onnx.load(result.model_path), case["name"])


def keep(model, name):
    # Olive lists an input that may be left out twice, which is no sound graph.
    inputs = {each.name: each for each in model.graph.input}
    del model.graph.input[:]
    model.graph.input.extend(inputs.values())
    tensors = list(model.graph.initializer)
    for node in model.graph.node:
        for attribute in node.attribute:
            tensors += [attribute.t] if attribute.HasField("t") else []
            tensors += [t for n in attribute.g.node for a in n.attribute if a.HasField("t") for t in [a.t]]
    for tensor in tensors:
        if len(tensor.raw_data) > 1024:
            tensor.raw_data = b""
    onnx.save(model, GRAPHS / f"{name}.onnx")


if __name__ == "__main__":
    for make in (gemm, matmul_add, mask, tied, tied_quantized, reciprocal, lp_norm, twice, skip_norm, redundant, shapes, names, half, everything, blocks, dynamic, lifted, convolution, constants, exported, packed, pieces, lora, lora_nodes, lora_quantized, loha, dora, ends):
        make()
    for case in json.loads((HERE / "cases.json").read_text()):
        try:
            run(case)
        except Exception as error:  # noqa: BLE001
            print("FAILED", case["name"], repr(error)[:300])
