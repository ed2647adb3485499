//===- Kernels.cpp - modules of the fake driver: TestKernels.ptx in C++ ---===//
#include "tests/fakecuda/FakeCuda.h"

#include <chrono>
#include <cstring>
#include <map>
#include <string>

namespace {

/// The value of parameter `index`.
using Parameters = std::vector<std::vector<std::byte>>;

template <typename T> T *pointer(const Parameters &parameters, size_t index) {
  T *value = nullptr;
  std::memcpy(&value, parameters[index].data(), sizeof(value));
  return value;
}

/// What cuTensorMapEncodeTiled leaves in the 128 bytes of a map of two dims.
struct Map {
  const char *base;
  uint64_t columns, rows, stride;
  uint32_t boxColumns, boxRows;
};

void scaleAdd(const Parameters &p, unsigned threads) {
  const float *x = pointer<const float>(p, 0), *s = pointer<const float>(p, 2);
  float *y = pointer<float>(p, 1);
  for (unsigned i = 0; i < threads; ++i)
    y[i] = 2 * x[i] + s[0];
}

void count(const Parameters &p, unsigned) { *pointer<int>(p, 0) = ++*pointer<int>(p, 1); }

void tile(const Parameters &p, unsigned) {
  Map map;
  std::memcpy(&map, p[2].data(), sizeof(map));
  float *out = pointer<float>(p, 1);
  for (uint64_t i = 0; i < map.boxRows; ++i)
    for (uint64_t j = 0; j < map.boxColumns; ++j) {
      bool inside = i + 3 < map.rows && j + 4 < map.columns;
      *out++ = inside ? reinterpret_cast<const float *>(map.base + (i + 3) * map.stride)[j + 4] : 0;
    }
}

void delay(const Parameters &p, unsigned) {
  std::this_thread::sleep_for(std::chrono::nanoseconds(*pointer<const int>(p, 0)) * 2 / 3);
  *pointer<int>(p, 1) = 1;
}

} // namespace

struct CUfunc_st {
  void (*run)(const Parameters &parameters, unsigned threads) = nullptr;
  std::vector<size_t> sizes; ///< of the parameters, in bytes
};
struct CUmod_st {
  std::string ptx;
  std::map<std::string, CUfunc_st> functions;
};

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned, CUjit_option *,
                            void **) {
  *module = new CUmod_st{static_cast<const char *>(image), {}};
  return CUDA_SUCCESS;
}
CUresult cuModuleLoadData(CUmodule *, const void *) { return CUDA_ERROR_INVALID_IMAGE; }
CUresult cuModuleUnload(CUmodule module) {
  delete module;
  return CUDA_SUCCESS;
}

/// The sizes in ".entry NAME(.param .u64 a, .param .align 64 .b8 b[128])".
static std::vector<size_t> parameterSizes(const std::string &ptx, size_t entry) {
  std::vector<size_t> sizes;
  size_t end = ptx.find(')', entry);
  for (size_t at = entry; (at = ptx.find(".param", at)) < end; ++at)
    sizes.push_back(ptx.compare(at + 7, 4, ".u64") == 0 ? 8 : 128);
  return sizes;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name) {
  static const std::map<std::string, decltype(CUfunc_st::run)> known = {{"scale_add", scaleAdd},
                                                                        {"count", count},
                                                                        {"count_too", count},
                                                                        {"tile", tile},
                                                                        {"delay", delay}};
  size_t entry = module->ptx.find(std::string(".entry ") + name + "(");
  auto found = known.find(name);
  if (entry == std::string::npos || found == known.end())
    return CUDA_ERROR_NOT_FOUND;
  module->functions[name] = {found->second, parameterSizes(module->ptx, entry)};
  *function = &module->functions[name];
  return CUDA_SUCCESS;
}
CUresult cuFuncGetParamInfo(CUfunction function, size_t index, size_t *offset, size_t *size) {
  if (index >= function->sizes.size())
    return CUDA_ERROR_INVALID_VALUE;
  *offset = 0;
  *size = function->sizes[index];
  return CUDA_SUCCESS;
}
CUresult cuFuncGetAttribute(int *value, CUfunction_attribute, CUfunction) {
  *value = 1024;
  return CUDA_SUCCESS;
}
CUresult cuFuncSetAttribute(CUfunction, CUfunction_attribute, int) { return CUDA_SUCCESS; }

CUresult cuLaunchKernel(CUfunction function, unsigned gridX, unsigned, unsigned, unsigned blockX,
                        unsigned, unsigned, unsigned, CUstream stream, void **values, void **) {
  Parameters parameters; // taken at the call, as by the driver
  for (size_t i = 0; i < function->sizes.size(); ++i) {
    const auto *bytes = static_cast<const std::byte *>(values[i]);
    parameters.emplace_back(bytes, bytes + function->sizes[i]);
  }
  stream->enqueue([=, run = function->run] { run(parameters, gridX * blockX); });
  return CUDA_SUCCESS;
}

CUresult cuTensorMapEncodeTiled(CUtensorMap *result, CUtensorMapDataType, cuuint32_t rank,
                                void *address, const cuuint64_t *dims, const cuuint64_t *strides,
                                const cuuint32_t *box, const cuuint32_t *steps,
                                CUtensorMapInterleave, CUtensorMapSwizzle, CUtensorMapL2promotion,
                                CUtensorMapFloatOOBfill) {
  if (rank != 2 || reinterpret_cast<uintptr_t>(address) % 16 != 0 || steps[0] != 1 || steps[1] != 1)
    return CUDA_ERROR_INVALID_VALUE;
  Map map = {static_cast<const char *>(address), dims[0], dims[1], strides[0], box[0], box[1]};
  static_assert(sizeof(map) <= sizeof(*result));
  std::memcpy(result, &map, sizeof(map));
  return CUDA_SUCCESS;
}
