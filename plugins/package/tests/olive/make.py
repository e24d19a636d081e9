"""Makes the JSON files of this folder with Olive's `generate-model-package`, from its source file alone.

    python make.py OLIVE/olive/cli/model_package.py FIXTURES/builder

Made with olive-ai 0.13.0; the command line's frame, which needs packages of its own, is left out.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

HERE = Path(__file__).resolve().parent
SOURCES = {"cpu-cpu_rank1": "tiny-llama-fp32", "gpu-cuda_rank2": "tiny-llama-int4-cuda"}


class Command:
    def __init__(self, args):
        self.args = args


def load(path):
    """The module, without what frames the command."""
    for name in ("olive", "olive.cli", "olive.cli.base", "olive.telemetry"):
        sys.modules[name] = ModuleType(name)
    frame = sys.modules["olive.cli.base"]
    frame.BaseOliveCLICommand = Command
    frame.add_logging_options = frame.add_telemetry_options = lambda parser: None
    sys.modules["olive.telemetry"].action = lambda function: function
    module = sys.modules["model_package"] = ModuleType("model_package")
    exec(compile(path.read_text(), path.name, "exec"), module.__dict__)
    return module


def main():
    module, fixtures = load(Path(sys.argv[1])), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name, fixture in SOURCES.items():
            shutil.copytree(fixtures / fixture, folder / name)
        package = folder / "OutputModels.ortpackage"
        args = SimpleNamespace(
            source=[str(folder / name) for name in SOURCES],
            output_path=str(package),
            model_name=None,
            model_version="1.0",
        )
        module.ModelPackageCommand(args).run()
        shutil.copy(package / "manifest.json", HERE)
        shutil.copy(package / "models/decoder/metadata.json", HERE)
        shutil.copy(package / "configs/genai_config.json", HERE)
        for name in SOURCES:
            overlay = package / "models/decoder" / name / "genai_config_overlay.json"
            shutil.copy(overlay, HERE / f"overlay-{name}.json")


if __name__ == "__main__":
    main()
