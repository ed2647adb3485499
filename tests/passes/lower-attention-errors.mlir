// RUN: swamla-opt %s --step-lower-kernels="target=cpu arch=x86-64-v3" --verify-diagnostics

// expected-error @+1 {{'step.attention_grad_kernel' op has out, expected delta for the target cpu; only for cuda does the pass swamla-fold-delta put the one in the other's place}}
step.attention_grad_kernel @folded element f32 batch 1 seq 8 scale 0.5 sink 0
    q <heads = 1, width = 8, row_stride = 8, head_stride = 8> k <heads = 1, width = 8, row_stride = 8, head_stride = 8>
    v <heads = 1, width = 8, row_stride = 8, head_stride = 8> dout <heads = 1, width = 8, row_stride = 8, head_stride = 8>
    out <heads = 1, width = 8, row_stride = 8, head_stride = 8> lse_stride 8 delta_stride 8
    dq <heads = 1, width = 8, row_stride = 8, head_stride = 8> dk <heads = 1, width = 8, row_stride = 8, head_stride = 8>
    dv <heads = 1, width = 8, row_stride = 8, head_stride = 8>
