"""What the training tests share: compiling a small model, making data, running swamla-run, comparing checkpoints."""

import os
import random
import signal
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

BIN = Path(os.environ.get("SWAMLA_BIN", Path(__file__).resolve().parents[2] / "build" / "bin"))

# Small enough that a step takes milliseconds; dropout on, so that masks are part of what is compared.
SMALL = ["--size", "tiny", "--vocab-size", "256", "--block-size", "32", "--n-layer", "3", "--n-embd", "32", "--n-head", "2",
         "--swa-window", "8", "--swa-sink-size", "2", "--kv-lora-rank", "12", "--qk-nope-head-dim", "8", "--qk-rope-head-dim", "4",
         "--v-head-dim", "8", "--dropout", "0.1"]


def run(*command, check=True, timeout=300, **kwargs):
    """Runs a tool of the build and returns the finished process, with its output as text."""
    command = [str(BIN / command[0]), *map(str, command[1:])]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", timeout=timeout, **kwargs)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} exited with {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def compile_model(folder, *options, model=SMALL, name="step.bin", batch=4):
    source, target = Path(folder) / "model.mlir", Path(folder) / name
    run("swamla-gen", *model, "-o", source)
    run("swamlac", source, "-o", target, f"--batch={batch}", *options)
    return target


def write_shard(path, tokens, magic=20240520, version=1, count=None):
    header = struct.pack("<256i", magic, version, len(tokens) if count is None else count, *([0] * 253))
    Path(path).write_bytes(header + struct.pack(f"<{len(tokens)}H", *tokens))


def write_shards(folder, sizes, seed=1, vocab=256):
    """Shards of a predictable language (a noisy cycle), so that the loss falls; the last one is for validation."""
    rng = random.Random(seed)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for i, size in enumerate(sizes):
        token, tokens = rng.randrange(vocab), []
        for _ in range(size):
            token = (token * 5 + 1) % vocab if rng.random() < 0.9 else rng.randrange(vocab)
            tokens.append(token)
        kind = "val" if i == len(sizes) - 1 else "train"
        write_shard(folder / f"toy_{kind}_{i:06d}.bin", tokens)
    return folder


def train_command(step, data, checkpoints, steps, *options):
    return ["swamla-run", step, "--data", data, "--steps", steps, "--accum", 2, "--lr", "3e-3", "--min-lr", "3e-4", "--warmup", 5,
            "--seed", 7, "--threads", 1, "--log-every", 1, "--checkpoint-dir", checkpoints, *options]


def checkpoint(folder, step):
    """The folder of one checkpoint."""
    found = [p for p in Path(folder).iterdir() if p.is_dir() and p.name.startswith("step-") and int(p.name.split("-")[1]) == step]
    if len(found) != 1:
        raise AssertionError(f"expected one checkpoint of step {step} in {folder}, found {sorted(p.name for p in Path(folder).iterdir())}")
    return found[0]


def state_bytes(folder, step):
    """Every byte of parameters and optimizer state at a step."""
    c = checkpoint(folder, step)
    return (c / "model.safetensors").read_bytes(), (c / "optimizer.safetensors").read_bytes()


class TrainTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="swamla-test-")
        self.path = Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()
