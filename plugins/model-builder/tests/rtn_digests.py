"""Prints the digests in tests/it/neural_compressor.rs.

Quantizes the fp32 fixtures with ONNX Runtime's own quantizer, asked as ONNX Runtime GenAI's builder asks it.
Made with onnxruntime 1.24.4, onnx_ir and onnx: python rtn_digests.py
"""

from pathlib import Path

import onnx
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer, RTNWeightOnlyQuantConfig

BUILDER = Path(__file__).parents[3] / "tests" / "fixtures" / "builder"


def fnv1a(digest, data):
    for byte in data:
        digest = ((digest ^ byte) * 0x100000001B3) % 2**64
    return digest


def quantized(model, block_size, is_symmetric, is_last):
    graph = onnx.load(BUILDER / f"{model}-fp32" / "model.onnx")
    bits = {node.name: {"bits": 4} for node in graph.graph.node if node.op_type == "MatMul"}
    if is_last:
        bits["/lm_head/MatMul"] = {"bits": 8}
    quantizer = MatMulNBitsQuantizer(
        model=graph,
        bits=4,
        block_size=block_size,
        is_symmetric=is_symmetric,
        accuracy_level=4,
        nodes_to_exclude=[],
        op_types_to_quantize=("MatMul",),
        algo_config=RTNWeightOnlyQuantConfig(customized_weight_config=bits),
    )
    quantizer.process()
    return quantizer.model.model.graph.initializer


for model in ("tiny-phi3", "tiny-llama"):
    for block_size, is_symmetric, is_last in (
        (32, True, False),
        (32, True, True),
        (16, False, True),
        (128, True, True),
        (32, False, False),
    ):
        digest = 0xCBF29CE484222325
        for tensor in quantized(model, block_size, is_symmetric, is_last):
            if tensor.name.endswith(("_scale", "_zp")) or "weight_Q" in tensor.name:
                digest = fnv1a(digest, f"{tensor.name}{list(tensor.dims)}".encode() + tensor.raw_data)
        print(f"\n{model} {block_size} {is_symmetric} {is_last} 0x{digest:016x}", flush=True)
