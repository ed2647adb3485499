/* What libswamla_cuda.so exports, as another build of swamla would have it: see CudaLibrary.h. */
#include <stdint.h>

struct ForeignLibrary {
  uint64_t layout;
  const char *version;
};

const struct ForeignLibrary *swamlaCudaLibrary(void) {
  static const struct ForeignLibrary library = {1, "0.0.1"};
  return &library;
}
