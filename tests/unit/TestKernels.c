/* Kernels with the entry that generated ones have, for CpuDeviceTest: views, units, scratch. */
#include <stdint.h>

/* views[0][unit] += 1; later units take longer. */
void count_units(void *const *views, int64_t begin, int64_t end, void *scratch) {
  int32_t *counts = views[0];
  for (int64_t unit = begin; unit < end; ++unit) {
    for (volatile int64_t spin = 0; spin < unit % 97 * 20; ++spin)
      ;
    counts[unit] += 1;
  }
}

/* Writes 256 bytes of scratch, waits, and reads them back; views[0][unit] = 1 if they are intact and aligned. */
void use_scratch(void *const *views, int64_t begin, int64_t end, void *scratch) {
  int32_t *good = views[0];
  volatile int64_t *words = scratch;
  for (int64_t unit = begin; unit < end; ++unit) {
    for (int i = 0; i < 32; ++i)
      words[i] = unit * 32 + i;
    for (volatile int spin = 0; spin < 500; ++spin)
      ;
    good[unit] = (uintptr_t)scratch % 64 == 0;
    for (int i = 0; i < 32; ++i)
      good[unit] &= words[i] == unit * 32 + i;
  }
}

/* views[1][unit] = 2 * views[0][unit] + views[2][0] */
void scale_add(void *const *views, int64_t begin, int64_t end, void *scratch) {
  const float *x = views[0], *bias = views[2];
  float *y = views[1];
  for (int64_t unit = begin; unit < end; ++unit)
    y[unit] = 2 * x[unit] + bias[0];
}
