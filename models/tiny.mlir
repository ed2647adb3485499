// A SWA-MLA language model: 1.8M parameters, 3 blocks, 3.822 MFLOP a token forward.
// Made by: swamla-gen --size tiny
// One line a block. `?` is the batch, which swamlac --batch sets.
swamla.model @tiny {
^bb0(%tokens: tensor<?x256xi32>, %targets: tensor<?x256xi32>):
  %wte = swamla.embedding "wte" %tokens vocab 256 : tensor<?x256xi32> -> tensor<?x256x192xf32>
  %h.0 = swamla.swa_block "h.0" %wte heads 6 kv_heads 6 window 64 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x256x192xf32>
  %h.1 = swamla.swa_block "h.1" %h.0 heads 6 kv_heads 6 window 64 sink 4 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x256x192xf32>
  %h.2 = swamla.mla_block "h.2" %h.1 heads 6 kv_lora 64 nope 32 rope 16 v 32 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x256x192xf32>
  %ln_f = swamla.norm "ln_f" %h.2 norm rms(eps 1.0e-06) : tensor<?x256x192xf32>
  swamla.lm_loss %ln_f, %targets tied "wte" vocab 256 : tensor<?x256x192xf32>, tensor<?x256xi32>
}
