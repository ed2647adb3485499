# The lit suite: dialect/, passes/ and pipeline/ hold .mlir files whose RUN lines drive the tools.
import os
import shutil
import sys

import lit.formats

config.name = "swamla"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.swamla_build, "tests", "lit")
config.excludes = ["emulated", "exec", "ptx", "train", "unit", "fuzz", "golden", "Inputs"]

path = [os.path.join(config.swamla_build, "bin"), config.llvm_tools, config.environment.get("PATH", "")]
config.environment["PATH"] = os.pathsep.join(path)
# A CHECK variable that starts with `$` lives beyond its label; all others do not.
config.environment["FILECHECK_OPTS"] = "-enable-var-scope -allow-unused-prefixes=false"

config.substitutions += [
    ("%models", os.path.join(config.swamla_source, "models")),
    ("%python", sys.executable),
]

# Features gate tests through REQUIRES: a plain run leaves `slow` out, `--param only=slow` runs nothing else.
only = lit_config.params.get("only")
if only:
    config.available_features.add(only)
    config.limit_to_features = {only}
# Where swamlac looks for it.
cuda_folders = [os.path.join(os.environ["CUDA_HOME"], "bin")] if "CUDA_HOME" in os.environ else []
cuda_folders += [os.environ.get("PATH", ""), "/usr/local/cuda/bin"]
if shutil.which("ptxas", path=os.pathsep.join(cuda_folders)):
    config.available_features.add("ptxas")
if "CUDA_HOME" in os.environ:
    config.environment["CUDA_HOME"] = os.environ["CUDA_HOME"]
if os.path.exists("/dev/nvidia0"):
    config.available_features.add("gpu")
