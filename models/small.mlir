// A SWA-MLA language model: 262.6M parameters, 12 blocks, 575.048 MFLOP a token forward.
// Made by: swamla-gen --size small
// One line a block. `?` is the batch, which swamlac --batch sets.
swamla.model @small {
^bb0(%tokens: tensor<?x2048xi32>, %targets: tensor<?x2048xi32>):
  %wte = swamla.embedding "wte" %tokens vocab 50304 : tensor<?x2048xi32> -> tensor<?x2048x1024xf32>
  %h.0 = swamla.swa_block "h.0" %wte heads 16 kv_heads 16 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x1024xf32>
  %h.1 = swamla.swa_block "h.1" %h.0 heads 16 kv_heads 16 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x1024xf32>
  %h.2 = swamla.mla_block "h.2" %h.1 heads 16 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x1024xf32>
  %h.3 = swamla.swa_block "h.3" %h.2 heads 16 kv_heads 16 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x1024xf32>
  %h.4 = swamla.swa_block "h.4" %h.3 heads 16 kv_heads 16 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x1024xf32>
  %h.5 = swamla.mla_block "h.5" %h.4 heads 16 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x1024xf32>
  %h.6 = swamla.swa_block "h.6" %h.5 heads 16 kv_heads 16 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x1024xf32>
  %h.7 = swamla.swa_block "h.7" %h.6 heads 16 kv_heads 16 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x1024xf32>
  %h.8 = swamla.mla_block "h.8" %h.7 heads 16 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x1024xf32>
  %h.9 = swamla.swa_block "h.9" %h.8 heads 16 kv_heads 16 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x1024xf32>
  %h.10 = swamla.swa_block "h.10" %h.9 heads 16 kv_heads 16 window 256 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x2048x1024xf32>
  %h.11 = swamla.mla_block "h.11" %h.10 heads 16 kv_lora 256 nope 128 rope 64 v 128 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x2048x1024xf32>
  %ln_f = swamla.norm "ln_f" %h.11 norm rms(eps 1.0e-06) : tensor<?x2048x1024xf32>
  swamla.lm_loss %ln_f, %targets tied "wte" vocab 50304 : tensor<?x2048x1024xf32>, tensor<?x2048xi32>
}
