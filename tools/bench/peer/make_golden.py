"""Writes golden cases for SWA-MLA: computed in float64 by swamla_torch.py, stored as float32.

    python3 make_golden.py OUT_DIR [case ...]

A case file `NAME.safetensors` holds, with its config and hyper-parameters as JSON strings
in the header's __metadata__ (keys `config`, `train`):
    tokens  [steps, B, T] i32     targets [steps, B, T] i32 (-100 = ignored)
    init/P  parameter P before training       grad/P  gradient of step 0's loss, before clipping
    final/P parameter P after `steps` AdamW steps    loss [steps] f64    grad_norm [steps] f64 (before clipping)
Step k uses lr_at(k + 1, ...), decoupled weight decay on the decay group only, and clips the global norm to `grad_clip`.
"""

import dataclasses
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

import swamla_torch as ref

TINY = dict(vocab_size=96, block_size=64, n_layer=3, n_embd=32, n_head=2, swa_window=16, swa_sink_size=4,
            kv_lora_rank=24, qk_nope_head_dim=16, qk_rope_head_dim=8, v_head_dim=16)
CASES = {
    "tiny": dict(TINY),
    "gqa_qlora_bias": dict(TINY, ratio_kv=2, q_lora_rank=20, bias=True),
    "dyt_smoothing": dict(TINY, use_dyt=True, label_smoothing=0.1),
    "logit_rope_scaling": dict(TINY, logit_scale_base=8.0, logit_scale_window=16, rope_scaling_factor=2.0),
    "mla_first_no_sink": dict(TINY, n_layer=4, swa_layers_per_cycle=1, mla_layers_per_cycle=1, swa_sink_size=0),
    "real_heads": dict(TINY, n_layer=2, swa_layers_per_cycle=1, n_embd=96, n_head=1, kv_lora_rank=64, block_size=160,
                       qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128),
}
# Sequences of 1024 and more with the head widths that the tensor-core kernels are made for; too large for the tree, so made where they are used.
LONG = {
    "long_96": dict(CASES["real_heads"], block_size=1024, swa_window=256),
    "long_128": dict(TINY, n_layer=2, swa_layers_per_cycle=1, n_embd=128, n_head=1, kv_lora_rank=32, block_size=1100, qk_nope_head_dim=64,
                     qk_rope_head_dim=32, v_head_dim=64, swa_window=256),
    "long_64": dict(TINY, n_layer=2, swa_layers_per_cycle=1, n_embd=128, n_head=2, ratio_kv=2, kv_lora_rank=32, block_size=1024, qk_nope_head_dim=32,
                    qk_rope_head_dim=32, v_head_dim=64, swa_window=256),
}
TRAIN = dict(batch=2, steps=4, lr=1e-2, min_lr=1e-3, warmup=2, max_steps=8, weight_decay=0.1, beta1=0.9, beta2=0.95,
             eps=1e-8, grad_clip=1.0)


def make(name: str, config: dict, out: Path, seed: int = 0) -> None:
    torch.manual_seed(seed)
    torch.set_default_dtype(torch.float64)
    # The norms compute in float32 by definition; the oracle keeps float64 throughout.
    torch.Tensor.float = lambda self: self
    c = ref.Config(**config)
    model = ref.SWAMLA(c)
    with torch.no_grad():
        for p in model.parameters():          # nothing at a value that hides an error
            p.add_(0.1 * torch.randn_like(p))
            p.copy_(p.to(torch.float32).to(torch.float64))
    B, T, S = TRAIN["batch"], c.block_size, TRAIN["steps"]
    stream = torch.randint(0, c.vocab_size, (S, B, T + 1))
    tokens, targets = stream[..., :-1].contiguous(), stream[..., 1:].contiguous()
    targets[:, 0, T // 2: T // 2 + 3] = -100
    tensors = {"tokens": tokens.int(), "targets": targets.int()}
    for n, p in model.named_parameters():
        tensors["init/" + n] = p.detach().clone().to(torch.float32)
    opt = torch.optim.AdamW(model.decay_groups(TRAIN["weight_decay"]), lr=0.0,
                            betas=(TRAIN["beta1"], TRAIN["beta2"]), eps=TRAIN["eps"])
    losses, norms = [], []
    for k in range(S):
        for g in opt.param_groups:
            g["lr"] = ref.lr_at(k + 1, TRAIN["warmup"], TRAIN["max_steps"], TRAIN["lr"], TRAIN["min_lr"])
        loss = model(tokens[k], targets[k])
        loss.backward()
        if k == 0:
            for n, p in model.named_parameters():
                tensors["grad/" + n] = p.grad.detach().clone().to(torch.float32)
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), TRAIN["grad_clip"]).item())
        opt.step()
        opt.zero_grad()
        losses.append(loss.item())
    for n, p in model.named_parameters():
        tensors["final/" + n] = p.detach().clone().to(torch.float32)
    tensors["loss"], tensors["grad_norm"] = torch.tensor(losses), torch.tensor(norms)
    meta = {"config": json.dumps(dataclasses.asdict(c)), "train": json.dumps(TRAIN), "case": name}
    save_file(tensors, str(out / f"{name}.safetensors"), metadata=meta)
    print(name, "params", sum(p.numel() for p in model.parameters()), "loss", [round(x, 6) for x in losses],
          "norm", [round(x, 4) for x in norms], flush=True)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or CASES:
        make(name, {**CASES, **LONG}[name], out)
