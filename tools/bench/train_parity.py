#!/usr/bin/env python3
"""Trains the PyTorch oracle and swamla from the same weights on the same batches and compares the loss curves.

    train_parity.py --peer DIR --run swamla-run --step small.bin --size small --data train.bin --steps 300 --out DIR

--peer: the folder with swamla_torch.py and bench_torch.py. The oracle runs under torch.compile with bf16 autocast (or --oracle fp32) and
fused AdamW on FP32 masters. swamla draws its batches from a keyed permutation of the data's sequences (runtime/train/Permutation.h); this
script computes the same order. Prints both curves at a few steps and the difference of the final losses, each the mean over the last
--tail steps (10), and exits with 1 when it is above --tol (0.02).
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
import xxhash
from safetensors.torch import save_file

MASK32, MASK64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def philox(c0: int, c1: int, key: int) -> tuple[int, int]:
    """Philox2x32-10, as runtime/base/Philox.h."""
    for _ in range(10):
        product = 0xD256D193 * c0
        c0, c1 = (product >> 32) ^ key ^ c1, product & MASK32
        key = (key + 0x9E3779B9) & MASK32
    return c0, c1


def mix(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK64
    return x ^ (x >> 31)


class Order:
    """The order of an epoch's sequences: runtime/train/{BatchLoader,Permutation}.cpp."""

    def __init__(self, seed: int, epoch: int, size: int):
        name = xxhash.xxh3_64_intdigest(f"shuffle.epoch{epoch}".encode(), seed)
        key, stream = name >> 32, name & MASK32
        self.size = size
        bits = (size - 1).bit_length()
        self.half = 1 if bits <= 2 else (bits + 1) // 2
        self.keys = []
        for i in range(6):
            high, low = philox(i, stream, key)
            self.keys.append(high << 32 | low)

    def __getitem__(self, index: int) -> int:
        mask = (1 << self.half) - 1
        while True:
            left, right = index >> self.half, index & mask
            for key in self.keys:
                left, right = right, left ^ (mix(key ^ right) & mask)
            index = left << self.half | right
            if index < self.size:
                return index


def batches(shard: Path, seed: int, batch: int, seq: int):
    """Endless (tokens, targets) in swamla-run's order, from one shard in llm.c's format."""
    header = np.fromfile(shard, dtype=np.int32, count=256)
    if header[0] != 20240520 or header[1] != 1:
        sys.exit(f"{shard}: not a token shard (magic {header[0]}, version {header[1]})")
    tokens = np.memmap(shard, dtype=np.uint16, mode="r", offset=1024, shape=(int(header[2]),))
    count = (len(tokens) - 1) // seq
    epoch, index, order = 0, 0, Order(seed, 0, count)
    while True:
        rows = []
        for _ in range(batch):
            begin = order[index] * seq
            rows.append(tokens[begin : begin + seq + 1].astype(np.int64))
            index += 1
            if index == count:
                epoch, index = epoch + 1, 0
                order = Order(seed, epoch, count)
        x = torch.from_numpy(np.stack(rows)).cuda()
        yield x[:, :-1].contiguous(), x[:, 1:].contiguous()


def train_oracle(a, ref, bench, config, init: dict) -> list[float]:
    with torch.device("cuda"):
        model = ref.SWAMLA(config, swa=bench.fast_swa(config.block_size), mla=bench.fast_mla(config.block_size, "cudnn"))
    model.load_state_dict({name: tensor.cuda() for name, tensor in init.items()})
    groups = model.decay_groups(0.1)
    opt = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.95), eps=1e-8, fused=True)
    forward = torch.compile(model)
    losses = []
    data = batches(a.data, 0, a.batch, config.block_size)
    for step in range(a.steps):
        for group in opt.param_groups:
            group["lr"] = ref.lr_at(step + 1, a.warmup, a.steps, a.lr, a.lr / 10)
        tokens, targets = next(data)
        with torch.autocast("cuda", torch.bfloat16, enabled=a.oracle == "bf16"):
            loss = forward(tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        opt.zero_grad(set_to_none=True)
        losses.append(loss.detach())
    return [float(x) for x in losses]


def train_swamla(a, init: Path) -> list[float]:
    log = a.out / "swamla.jsonl"
    log.unlink(missing_ok=True)
    command = [a.run, a.step, "--data", a.data, "--init", init, "--steps", a.steps, "--lr", a.lr, "--min-lr", a.lr / 10, "--warmup", a.warmup,
               "--seed", 0, "--val-every", 0, "--log", log, "--log-every", 50]
    subprocess.run([str(x) for x in command], check=True)
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    return [entry["loss"] for entry in entries if "loss" in entry and "lr" in entry]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--peer", type=Path, required=True)
    p.add_argument("--run", type=Path, required=True)
    p.add_argument("--step", type=Path, required=True)
    p.add_argument("--data", type=Path, required=True, help="one token shard")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--size", default="small")
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--steps", type=int, default=300)
    p.add_argument("--warmup", type=int, default=30)
    p.add_argument("--lr", type=float, default=6e-4)
    p.add_argument("--oracle", choices=["bf16", "fp32"], default="bf16")
    p.add_argument("--tail", type=int, default=10, help="steps whose mean is the final loss")
    p.add_argument("--tol", type=float, default=0.02)
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(a.peer))
    import bench_torch as bench
    import swamla_torch as ref

    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high" if a.oracle == "bf16" else "highest")
    config = ref.preset(a.size)
    init = {name: tensor.detach().clone() for name, tensor in ref.SWAMLA(config).named_parameters()}
    weights = a.out / "init.safetensors"
    save_file(init, str(weights))
    ours = train_swamla(a, weights)
    weights.unlink()
    theirs = train_oracle(a, ref, bench, config, init)
    if len(ours) != len(theirs):
        sys.exit(f"swamla logged {len(ours)} steps, expected {len(theirs)}")
    (a.out / "curves.json").write_text(json.dumps({"swamla": ours, "oracle": theirs}))
    print(f"{'step':>6} {'oracle':>9} {'swamla':>9} {'difference':>11}")
    for step in sorted({1, 2, 5, 10, 20, 50, *range(100, a.steps + 1, 50), a.steps}):
        if step <= len(ours):
            print(f"{step:6d} {theirs[step - 1]:9.4f} {ours[step - 1]:9.4f} {ours[step - 1] - theirs[step - 1]:+11.4f}")
    mean = lambda curve: sum(curve[-a.tail :]) / a.tail
    gap = mean(ours) - mean(theirs)
    print(f"mean of the last {a.tail}: oracle {mean(theirs):.4f}, swamla {mean(ours):.4f}, difference {gap:+.4f} (tolerance {a.tol})")
    sys.exit(abs(gap) > a.tol)


if __name__ == "__main__":
    main()
