#!/usr/bin/env python3
"""Checks and times swamla on a GPU, beside PyTorch, from what tools/bench/prepare.sh has made. Run it in the project's root.

    tools/bench/gpu.py SECTION ... [--in bench-out] [--out results] [--sizes small,base,large] [--precision bf16,fp8-delayed] [--parts]

Sections, run in the order given; each prints its own lines, and the tables come last:
    check       the machine and its libraries (swamla-run --check)
    golden      every golden case in each precision that was prepared against the oracle
    unit        the unit tests that need a GPU, where they were prepared
    invariance  graph and no graph, checkpoint modes, two runs: the same bits
    start       from the start of swamla-run to the first finished step, with a cold and a warm tuning cache
    steps       tokens/s and peak memory of each size
    peer        the same of tools/bench/peer/bench_torch.py (PyTorch, torch.compile), and the ratios
    kernels     every kernel of a step: time, bytes, FLOPs, floor on this GPU, time over floor
    sanitize    compute-sanitizer's memcheck, racecheck and synccheck on golden cases
    parity      300 steps of `small` on --data beside the oracle (train_parity.py)
    train       --train-steps steps of `small` on --data in each of --precision: the final losses beside bf16's
"""
import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

# What a golden case may differ by, for each precision (docs/testing.md).
TOLERANCES = {
    "fp32": "loss=1e-5,grad_norm=1e-4,grad=1e-4,final=1e-3",
    "tf32": "loss=1e-3,grad_norm=1e-2,grad=5e-3,final=1e-1",
    "bf16": "loss=1e-2,grad_norm=4e-2,grad=4e-2,final=1",
    "fp8": "loss=2e-2,grad_norm=2e-1,grad=3e-1,final=1",
}
# Dense rates that matrix units reach at the shapes of these models (measured with cuBLAS, docs/benchmarks.md), FLOP/s.
MATRIX_PEAK = {"bf16": 750e12, "tf32": 370e12, "fp32": 50e12, "fp8": 1350e12}


def kind(precision):
    """What the peer and the tables call a precision: fp8 for each recipe of it."""
    return precision.split("-")[0]


class Bench:
    def __init__(self, a):
        self.a, self.tables, self.failed = a, [], []
        self.run_binary, self.replay = a.input / "bin/swamla-run", a.input / "bin/swamla-replay"
        self.ours, self.theirs = {}, {}

    def say(self, text=""):
        print(text, flush=True)
        with open(self.a.out / "log.txt", "a") as log:
            log.write(text + "\n")

    def call(self, command, timeout=300, quiet=False, env=None):
        """Runs a command; answers (exit code, output)."""
        command = [str(x) for x in command]
        begin = time.time()
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, cwd=ROOT,
                                  env={**os.environ, **(env or {})})
            code, output = done.returncode, done.stdout
        except subprocess.TimeoutExpired as error:
            code, output = 124, (error.stdout or b"").decode(errors="replace") + f"\nstopped after {timeout} s"
        with open(self.a.out / "log.txt", "a") as log:
            log.write(f"$ {' '.join(command)}\n{output}\n[{code}, {time.time() - begin:.1f} s]\n")
        if code != 0 and not quiet:
            self.failed.append(" ".join(command[:6]))
            self.say(f"FAILED ({code}): {' '.join(command)}\n{output[-3000:]}")
        return code, output

    def program(self, size, precision=None):
        return self.a.input / f"{size}-{precision or self.a.precision[0]}.bin"

    # ------------------------------------------------------------------ sections
    def check(self):
        self.say(self.call([self.run_binary, "--check"])[1].strip())

    def golden(self):
        cases = sorted((self.a.input / "cases").glob("*.safetensors"))
        cases = [c for c in cases if not self.a.cases or c.stem in self.a.cases]
        rows = []
        for folder in sorted((self.a.input / "golden").iterdir()):
            name = folder.name.rsplit("-", 1)[0]
            if self.a.golden and name not in self.a.golden:
                continue
            begin = time.time()
            code, output = self.call([self.replay, "--programs", folder, "--tol", TOLERANCES[kind(name)], *cases], quiet=True)
            for line in output.splitlines():
                if ": ok " not in line:
                    self.say(f"{folder.name}: {line}")
            rows.append([folder.name, sum(": ok " in x for x in output.splitlines()), len(cases), f"{time.time() - begin:.1f} s"])
            if code != 0:
                self.failed.append(f"golden {folder.name}")
        self.tables.append(("golden cases within tolerance", ["programs", "passed", "of", "time"], rows))

    def unit(self):
        rows = []
        for test in sorted((self.a.input / "bin").glob("*Test")):
            code, output = self.call([test], timeout=120)
            ends = [x.strip() for x in output.splitlines() if re.match(r"\[  (PASSED|FAILED|SKIPPED) ", x)]
            rows.append([test.name, code, "; ".join(ends[:3])])
        self.tables.append(("unit tests on the GPU", ["test", "exit", "result"], rows))

    def checkpoint_digest(self, program, *flags):
        with tempfile.TemporaryDirectory() as folder:
            self.call([self.run_binary, program, "--data", "random", "--steps", 3, "--val-every", 0, "--checkpoint-dir", folder, *flags])
            digest = hashlib.sha256()
            for path in sorted(Path(folder).rglob("*.safetensors")):
                digest.update(path.read_bytes())
            return digest.hexdigest()[:16]

    def invariance(self):
        runs = {"first run": self.checkpoint_digest(self.program("small"))}
        runs["second run"] = self.checkpoint_digest(self.program("small"))
        runs["--no-graph"] = self.checkpoint_digest(self.program("small"), "--no-graph")
        for path in sorted(self.a.input.glob(f"small-{self.a.precision[0]}-*.bin")):
            runs[path.stem] = self.checkpoint_digest(path)
        self.say(f"bits: {runs}")
        if len(set(runs.values())) != 1:
            self.failed.append("invariance")
        self.tables.append(("bits after 3 steps", ["run", "digest"], [list(x) for x in runs.items()]))

    def start(self):
        rows = []
        with tempfile.TemporaryDirectory() as cache:
            for name in ("cold tuning cache", "warm", "warm again"):
                begin = time.time()
                self.call([self.run_binary, self.program("small"), "--data", "random", "--steps", 1, "--val-every", 0],
                          env={"XDG_CACHE_HOME": cache})
                rows.append([name, f"{time.time() - begin:.2f} s"])
        self.tables.append(("small: start to the end of one step", ["", "time"], rows))

    def steps(self):
        for size in self.a.sizes:
            for precision in self.a.precision:
                code, output = self.call([self.run_binary, self.program(size, precision), "--bench", self.a.steps])
                if code == 0:
                    line = next(x for x in output.splitlines() if x.startswith("{"))
                    self.ours[size, precision] = json.loads(line)
                    self.say(f"{size} {precision} {line}")

    def peer(self):
        for size in self.a.sizes:
            for precision in dict.fromkeys(map(kind, self.a.precision)):
                code, output = self.call([sys.executable, HERE / "peer/bench_torch.py", "--size", size, "--precision", precision, "--batch", 8,
                                          "--steps", self.a.steps], timeout=280)
                if code == 0:
                    line = next(x for x in output.splitlines() if x.startswith("{"))
                    self.theirs[size, precision] = json.loads(line)
                    self.say(line)

    def kernels(self):
        for size in self.a.sizes:
            for precision in self.a.precision:
                code, output = self.call([self.run_binary, self.program(size, precision), "--bench", 5, "--profile"])
                if code == 0:
                    self.kernel_table(size, precision, output)

    def kernel_table(self, size, precision, output):
        copy = float(re.search(r"a memory copy moves ([\d.]+) GB/s", output).group(1)) * 1e9
        peak = MATRIX_PEAK[kind(precision)]
        other_peak = min(peak, MATRIX_PEAK["bf16"])  # of what is not fp8 in an fp8 program
        rows, section, parts = [], None, {}
        for line in output.splitlines():
            if line.startswith(("kernel ", "op ")):
                section = line.split()[0]
            match = re.match(r"(\S.*?) +(\S+) +([\d.]+) +([\d.]+) +[\d.]+% +([\d.]+) +\d+% +([\d.]+)$", line)
            if not match or section != "kernel":
                continue
            name, program, calls, ms, gbs, gflops = (x.strip() for x in match.groups())
            calls, ms = float(calls), float(ms)
            moved, flops = float(gbs) * 1e6 * ms, float(gflops) * 1e6 * ms
            # One op in several kernels: its work is counted once.
            if not self.a.parts:
                name = re.sub(r"_(delta|dq|dkv|dk|dv|dshared)$", "", name)
            if name in parts:
                row = parts[name]
                row[3], row[4], row[5] = row[3] + ms, row[4] + moved, row[5] + flops
            else:
                parts[name] = [name, program, calls, ms, moved, flops]
        for name, program, calls, ms, moved, flops in sorted(parts.values(), key=lambda row: -row[3]):
            rate = None
            if name.startswith("matmul"):
                rate = peak if "e4m3" in name else other_peak  # every fp8 product has an operand in E4M3
            elif name.startswith("attention") and "delta" not in name:
                rate = other_peak
            floor = max(moved / copy, flops / rate if rate else 0) * 1e3
            rows.append([name, program, f"{calls:.0f}", f"{ms:.3f}", f"{ms / max(calls, 1) * 1e3:.1f}", f"{moved * 1e-6:.1f}",
                         f"{flops * 1e-9:.1f}", f"{floor:.3f}", f"{ms / floor:.2f}" if floor > 0 else "-"])
        self.tables.append((f"{size} {precision}: kernels of a step (copy {copy * 1e-12:.2f} TB/s, matrix {peak * 1e-12:.0f} TFLOP/s)",
                            ["kernel", "program", "calls", "ms", "us a call", "MB", "GFLOP", "floor ms", "x floor"], rows))

    def sanitize(self):
        rows = []
        cases = [self.a.input / f"cases/{name}.safetensors" for name in self.a.cases or ("tiny", "real_heads")]
        for precision in self.a.golden or ("bf16", "fp32", "fp8-delayed"):
            for tool in ("memcheck", "racecheck", "synccheck"):
                # The loader asks for a parameter past a kernel's last: an error of the interface that is an answer.
                command = ["compute-sanitizer", "--tool", tool, "--report-api-errors", "no", "--error-exitcode", 9, self.replay, "--no-graph", "--no-tune", "--programs",
                           self.a.input / f"golden/{precision}-none", "--tol", TOLERANCES[kind(precision)], *cases]
                code, output = self.call(command, timeout=90)
                summary = [x for x in output.splitlines() if "SUMMARY" in x]
                rows.append([precision, tool, code, summary[-1].strip("= ") if summary else "no summary"])
        self.tables.append(("compute-sanitizer", ["precision", "tool", "exit", "summary"], rows))

    def parity(self):
        code, output = self.call([sys.executable, HERE / "train_parity.py", "--peer", HERE / "peer", "--run", self.run_binary, "--step",
                                  self.program("small"), "--data", self.a.data, "--out", self.a.out / "parity"], timeout=500)
        self.say("\n".join(output.splitlines()[-16:]))

    def train(self):
        rows, base = [], None
        for precision in self.a.precision:
            log = self.a.out / f"train-{precision}.jsonl"
            log.unlink(missing_ok=True)
            steps = self.a.train_steps
            self.call([self.run_binary, self.program("small", precision), "--data", self.a.data, "--steps", steps, "--val-every", steps,
                       "--log", log], timeout=steps)
            lines = [json.loads(x) for x in log.read_text().splitlines()] if log.exists() else []
            losses = [x["loss"] for x in lines if x.get("event") == "step"][-50:]
            validation = [x["loss"] for x in lines if x.get("event") == "validation"]
            if len(losses) < 50 or not validation:
                self.failed.append(f"train {precision}")
                continue
            final = (sum(losses) / len(losses), validation[-1])
            base = base or final
            rows.append([precision, *(f"{x:.4f}" for x in final), *(f"{(x / b - 1) * 100:+.2f}%" for x, b in zip(final, base))])
        self.tables.append((f"small, {self.a.train_steps} steps on {self.a.data}: last 50 losses, validation; against the first row",
                            ["precision", "training", "validation", "training", "validation"], rows))

    # ------------------------------------------------------------------ tables
    def summary(self):
        rows = []
        for size, precision in [(s, p) for s in self.a.sizes for p in self.a.precision]:
            ours, theirs = self.ours.get((size, precision)), self.theirs.get((size, kind(precision)))
            if not ours:
                continue
            row = [f"{size} {precision}", f"{ours['ms_per_step']:.2f}", f"{ours['tokens_per_s']:.0f}", f"{ours['peak_bytes'] / 2**30:.1f}"]
            if theirs:
                row += [f"{theirs['ms']:.2f}", f"{theirs['tokens_per_s']}", f"{theirs['peak_gib']:.1f}",
                        f"{ours['tokens_per_s'] / theirs['tokens_per_s']:.2f}x", f"{ours['peak_bytes'] / 2**30 / theirs['peak_gib']:.2f}x"]
            rows.append(row + ["-"] * (9 - len(row)))
        if rows:
            self.tables.append(("T=2048, B=8", ["size", "ms", "tokens/s", "GiB", "peer ms", "peer tokens/s", "peer GiB", "speed", "memory"], rows))
        for title, head, rows in self.tables:
            self.say(f"\n{title}")
            widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
            for row in [head, *rows]:
                self.say("  ".join(str(x).ljust(w) if i == 0 else str(x).rjust(w) for i, (x, w) in enumerate(zip(row, widths))))
        self.say(f"\n{'failed: ' + '; '.join(self.failed) if self.failed else 'nothing failed'}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("sections", nargs="+", choices=["check", "golden", "unit", "invariance", "start", "steps", "peer", "kernels", "sanitize", "parity", "train"])
    words = lambda text: [x for x in text.split(",") if x]
    p.add_argument("--in", dest="input", type=Path, default=ROOT / "bench-out")
    p.add_argument("--out", type=Path, default=ROOT / "bench-results")
    p.add_argument("--sizes", type=words, default=["small", "base", "large"])
    p.add_argument("--precision", type=words, default=["bf16"], help="of the programs to time: bf16, fp8-tensorwise, fp8-delayed, fp8-rowwise")
    p.add_argument("--golden", type=words, default=[], help="precisions of the golden cases (all)")
    p.add_argument("--cases", type=words, default=[], help="names of golden cases (all)")
    p.add_argument("--parts", action="store_true", help="kernels: a row for each kernel of an op that has several")
    p.add_argument("--steps", type=int, default=20)
    p.add_argument("--data", type=Path, help="a token shard, for parity; a folder of shards, for train")
    p.add_argument("--train-steps", type=int, default=1000)
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(a)
    gpu = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], capture_output=True, text=True)
    bench.say(f"{gpu.stdout.strip()}  {' '.join(sys.argv[1:])}")
    for section in a.sections:
        begin = time.time()
        getattr(bench, section)()
        bench.say(f"-- {section}: {time.time() - begin:.1f} s")
    bench.summary()
    sys.exit(bool(bench.failed))


if __name__ == "__main__":
    main()
