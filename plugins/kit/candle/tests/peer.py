"""Time and memory of training passes of PyTorch and PEFT, on what tests/engine/speed.rs measures.

A pass is forward, loss and backward of one sequence; no optimizer step on either side.
Needs torch, transformers and peft on a machine with a GPU.
"""

import os
import statistics
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def model(dtype: torch.dtype, rank: int, attention: str) -> torch.nn.Module:
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=8192,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        attn_implementation=attention,
        use_cache=False,
    )
    torch.manual_seed(0)
    base = LlamaForCausalLM(config).to(device="cuda", dtype=dtype)
    targets = ["q_proj", "k_proj", "v_proj", "o_proj"]
    lora = LoraConfig(r=rank, lora_alpha=rank // 4, target_modules=targets, task_type="CAUSAL_LM")
    adapted = get_peft_model(base, lora)
    return adapted.train()


def measure(adapted: torch.nn.Module, tokens: torch.Tensor) -> list[float]:
    times = []
    for _ in range(20):
        torch.cuda.synchronize()
        start = time.perf_counter()
        adapted.zero_grad(set_to_none=True)
        loss = adapted(input_ids=tokens, labels=tokens).loss
        loss.backward()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    rank = int(os.environ.get("RANK", "64"))
    for dtype in os.environ.get("DTYPE", "bf16").split(","):
        if dtype not in DTYPES:
            continue
        for attention in ("sdpa", "eager"):
            adapted = model(DTYPES[dtype], rank, attention)
            for seq in map(int, os.environ.get("SEQ", "512,2048").split(",")):
                tokens = torch.arange(seq, device="cuda")[None] * 9973 % 49152
                torch.cuda.reset_peak_memory_stats()
                times = measure(adapted, tokens)
                median, peak = statistics.median(times), torch.cuda.max_memory_allocated()
                print(
                    f"PyTorch {torch.__version__} {attention} {dtype} T={seq} r={rank}: "
                    f"{1e3 * median:.1f} ms a pass (first {1e3 * times[0]:.1f}, best "
                    f"{1e3 * min(times):.1f}), {seq / median:.0f} tokens/s, "
                    f"{peak / 2**30:.2f} GiB of GPU memory at most",
                    flush=True,
                )
            del adapted
            torch.cuda.empty_cache()


main()
