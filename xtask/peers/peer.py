"""The steps of the recipe done by the Python stack, measured; `cargo xtask bench --python` calls it.

Usage: peer.py lora|merge|build MODEL WORK STEPS. The last line printed is a JSON object with wall_sec, cpu_sec,
peak_bytes and, for lora, tokens_per_sec. Times are of the whole process, imports included, as ours are of a whole worker.
"""

import json
import resource
import runpy
import statistics
import sys
import time
from pathlib import Path

BLOCK = 128
ACCUMULATE = 4


def lora(model, work, steps):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(2)
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    config = LoraConfig(r=64, lora_alpha=64, lora_dropout=0.1, target_modules=["o_proj", "qkv_proj"], task_type="CAUSAL_LM")
    tuned = get_peft_model(base, config)
    tuned.train()
    trainable = [weight for weight in tuned.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=1e-4, weight_decay=0.0)
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        for _ in range(ACCUMULATE):
            tokens = torch.randint(0, base.config.vocab_size, (1, BLOCK))
            (tuned(input_ids=tokens, labels=tokens).loss / ACCUMULATE).backward()
        torch.nn.utils.clip_grad_norm_(trainable, 0.3)
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    tuned.save_pretrained(work / "adapter")
    return {"tokens_per_sec": ACCUMULATE * BLOCK / statistics.median(times)}


def merge(model, work, steps):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not (work / "adapter").is_dir():
        lora(model, work, 1)
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    PeftModel.from_pretrained(base, work / "adapter").merge_and_unload().save_pretrained(work / "merged")
    AutoTokenizer.from_pretrained(model).save_pretrained(work / "merged")
    return {}


def build(model, work, steps):
    source = work / "merged"
    folder = str(source if source.is_dir() else model)
    sys.argv = ["builder", "-i", folder, "-o", str(work / "int4"), "-p", "int4", "-e", "cpu", "-c", str(work / "cache")]
    sys.argv += ["--extra_options", "algo_config=rtn_last"]
    runpy.run_module("onnxruntime_genai.models.builder", run_name="__main__")
    return {}


def main():
    start = time.perf_counter()
    step, model, work, steps = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    work.mkdir(parents=True, exist_ok=True)
    figures = {"lora": lora, "merge": merge, "build": build}[step](model, work, steps)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    figures["wall_sec"] = time.perf_counter() - start
    figures["cpu_sec"] = usage.ru_utime + usage.ru_stime
    figures["peak_bytes"] = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps(figures))


main()
