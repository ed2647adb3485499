"""Compares reports with the table of measured steps in docs/benchmarks.md, and checks that their sums add up."""

import json
import re
import sys

# "| `base` | 190.95 | 85,802 | 29.3 |" in bf16, "| `base`, delayed | ..." in fp8.
measured = {size + recipe.replace(", ", "-"): float(ms)
            for size, recipe, ms in re.findall(r"^\| `(\w+)`((?:, delayed)?) \| ([\d.]+) \| [\d,]+ \| [\d.]+ \|", open(sys.argv[1]).read(), re.M)}
wanted = {size + recipe for size in ("small", "base", "large") for recipe in ("", "-delayed")}
assert set(measured) >= wanted, f"found only {sorted(measured)} in {sys.argv[1]}"
for path in sys.argv[2:]:
    report = json.load(open(path))
    assert report["version"] == 1 and report["gpu"]["device"] == "NVIDIA H200" and report["notes"] == [], report["notes"]
    size = re.search(r"((small|base|large)(-delayed)?)\.json$", path)[1]
    programs = {p["name"]: p for p in report["programs"]}
    step = report["step"]
    for key in ("floor_ms", "predicted_ms"):
        for p in programs.values():
            assert abs(sum(k[key] for k in p["kernels"]) - p[key]) <= 1e-9 * p[key], (p["name"], key)
        assert abs(step[key] - programs["micro_step"][key] - programs["apply"][key]) < 1e-9 * step[key]
    kernels = [k for p in programs.values() for k in p["kernels"]]
    assert all(k["predicted_ms"] >= 0.99 * k["floor_ms"] for k in kernels), "faster than light"
    assert {k["kind"] for k in kernels} >= {"matmul", "attention", "windowed_attention", "attention_grad", "windowed_attention_grad", "row", "optimizer"}
    ratio = step["predicted_ms"] / measured[size]
    print(f"{size}: predicted {step['predicted_ms']:.1f} ms, measured {measured[size]} ms, {ratio:.3f}")
    assert abs(ratio - 1) <= 0.15, f"{size}: more than 15% apart"
