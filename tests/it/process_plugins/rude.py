"""A plugin that does what its setting says."""

import ctypes, os, subprocess, sys, time
from olive_plugin import Pass, PluginError, model, serve

class Rude(Pass):
    name = "Rude"
    summary = "Behave as told."
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"behavior": {"type": "string", "description": "What to do."}},
    }

    def run(self, step):
        behavior = step.config["behavior"]
        if behavior == "print":
            print("a library says hello")
            os.write(step._connection._output.fileno(), b"Loading \xff weights\n")
        if behavior == "crash":
            print("the last word", file=sys.stderr, flush=True)
            os.abort()
        if behavior == "exit":
            os.write(step._connection._output.fileno(), b"all done\n")
            os._exit(0)
        if behavior == "raise":
            raise ValueError("bad luck")
        if behavior == "refuse":
            raise PluginError("no-wish", "it does not want to", help="ask again")
        if behavior == "elsewhere":
            (step.model_path / "intruder").write_text("I was here")
        if behavior == "wait":
            child = subprocess.Popen(["sleep", "600"])
            step.log(f"child {child.pid} process {os.getpid()}")
            while True:
                step.check_cancelled()
                time.sleep(0.01)
        (step.output_dir / "weights").write_text("rude weights")
        return model("HfModel", step.output_dir)

serve("rude", "1.2.3", [Rude()])
