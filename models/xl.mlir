// A SWA-MLA language model: 8,578.7M parameters, 32 blocks, 17454.723 MFLOP a token forward.
// Made by: swamla-gen --size xl
// One line a block. `?` is the batch, which swamlac --batch sets.
swamla.model @xl {
^bb0(%tokens: tensor<?x2048xi32>, %targets: tensor<?x2048xi32>):
  %wte = swamla.embedding "wte" %tokens vocab 50304 : tensor<?x2048xi32> -> tensor<?x2048x4096xf32>
  %h.0 = swamla.swa_block "h.0" %wte heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.1 = swamla.swa_block "h.1" %h.0 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.2 = swamla.mla_block "h.2" %h.1 heads 32 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.3 = swamla.swa_block "h.3" %h.2 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.4 = swamla.swa_block "h.4" %h.3 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.5 = swamla.mla_block "h.5" %h.4 heads 32 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.6 = swamla.swa_block "h.6" %h.5 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.7 = swamla.swa_block "h.7" %h.6 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.8 = swamla.mla_block "h.8" %h.7 heads 32 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.9 = swamla.swa_block "h.9" %h.8 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.10 = swamla.swa_block "h.10" %h.9 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.11 = swamla.mla_block "h.11" %h.10 heads 32 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.12 = swamla.swa_block "h.12" %h.11 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.13 = swamla.swa_block "h.13" %h.12 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.14 = swamla.mla_block "h.14" %h.13 heads 32 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.15 = swamla.swa_block "h.15" %h.14 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.16 = swamla.swa_block "h.16" %h.15 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.17 = swamla.mla_block "h.17" %h.16 heads 32 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.18 = swamla.swa_block "h.18" %h.17 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.19 = swamla.swa_block "h.19" %h.18 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.20 = swamla.mla_block "h.20" %h.19 heads 32 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.21 = swamla.swa_block "h.21" %h.20 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.22 = swamla.swa_block "h.22" %h.21 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.23 = swamla.mla_block "h.23" %h.22 heads 32 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.24 = swamla.swa_block "h.24" %h.23 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.25 = swamla.swa_block "h.25" %h.24 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.26 = swamla.mla_block "h.26" %h.25 heads 32 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.27 = swamla.swa_block "h.27" %h.26 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.28 = swamla.swa_block "h.28" %h.27 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.29 = swamla.mla_block "h.29" %h.28 heads 32 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.30 = swamla.swa_block "h.30" %h.29 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %h.31 = swamla.swa_block "h.31" %h.30 heads 32 kv_heads 32 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  %ln_f = swamla.norm "ln_f" %h.31 norm rms(eps 1.0e-06) : tensor<?x2048x4096xf32>
  swamla.lm_loss %ln_f, %targets tied "wte" vocab 50304 : tensor<?x2048x4096xf32>, tensor<?x2048xi32>
}
