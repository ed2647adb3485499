//===- CudaModule.cpp - the kernels of a program, loaded ------------------===//
#include "runtime/cuda/CudaModule.h"

#include "runtime/base/Format.h"
#include "runtime/base/Log.h"

#include <algorithm>
#include <string>

namespace swamla {

static constexpr uint64_t kScratchAlignment = 256;

static uint64_t aligned(uint64_t bytes) {
  return (bytes + kScratchAlignment - 1) / kScratchAlignment * kScratchAlignment;
}

uint64_t scratchBytes(const schema::Step &step) {
  uint64_t sum = 0;
  for (const schema::Kernel *kernel : *step.kernels())
    sum += aligned(kernel->scratch_bytes());
  return sum;
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

/// The driver's assembler on PTX text. Its complaint goes into the error.
static Status assemble(const std::string &ptx, CUmodule *module) {
  std::string log(16384, '\0');
  CUjit_option names[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log.data(), pointerTo(log.size())}; // numbers travel as pointers
  CUresult result = cuModuleLoadDataEx(module, ptx.c_str(), 2, names, values);
  log.resize(log.find('\0') == std::string::npos ? log.size() : log.find('\0'));
  while (!log.empty() && log.back() == '\n')
    log.pop_back();
  return toStatus(result, log.empty() ? "the driver cannot assemble the kernels"
                                      : "the driver cannot assemble the kernels: " + log);
}

Status CudaModule::loadCode(const schema::Step &step) {
  if (step.cubin()) {
    CUresult result = cuModuleLoadData(module.out(), step.cubin()->data());
    if (result == CUDA_SUCCESS)
      return Status::ok();
    // A driver older than the compiler's ptxas may still take the text.
    logWarning("{}; the driver assembles the kernels instead",
               toStatus(result, "the assembled kernels cannot be loaded").message());
  }
  std::string ptx(reinterpret_cast<const char *>(step.code()->data()), step.code()->size());
  return assemble(ptx, module.out());
}

/// What the kernel's code takes against what the table says: a mismatch would read past the end.
static Status checkParameters(const schema::Kernel &table, CUfunction function) {
  size_t views = table.num_views() + (table.scratch_bytes() > 0 ? 1 : 0);
  size_t maps = table.gpu()->tensor_maps() ? table.gpu()->tensor_maps()->size() : 0;
  for (size_t i = 0; i <= views + maps; ++i) {
    size_t offset = 0, size = 0;
    bool exists = cuFuncGetParamInfo(function, i, &offset, &size) == CUDA_SUCCESS;
    size_t expected = i < views ? sizeof(CUdeviceptr) : i < views + maps ? sizeof(CUtensorMap) : 0;
    if ((exists ? size : 0) != expected)
      return dataCorrupt(fmt::format(
          "kernel '{}': parameter {} has {} bytes, expected {}: {} addresses, then {} tensor maps; "
          "compile it again",
          table.name()->string_view(), i, exists ? size : 0, expected, views, maps));
  }
  return Status::ok();
}

Status CudaModule::prepareKernel(const schema::Kernel &table, GpuKernel &kernel) const {
  const char *name = table.name()->c_str();
  if (cuModuleGetFunction(&kernel.function, module.get(), name) != CUDA_SUCCESS)
    return dataCorrupt(fmt::format("the code has no kernel '{}'; compile it again", name));
  const schema::GpuLaunch &launch = *table.gpu();
  kernel.grid = {launch.grid_x(), launch.grid_y(), launch.grid_z()};
  kernel.block = launch.block();
  kernel.sharedBytes = launch.shared_bytes();
  SWAMLA_RETURN_IF_ERROR(checkParameters(table, kernel.function));
  int most = 0;
  SWAMLA_RETURN_IF_ERROR(
      toStatus(cuFuncGetAttribute(&most, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, kernel.function),
               fmt::format("kernel '{}'", name)));
  if (kernel.block > unsigned(most))
    return dataCorrupt(fmt::format("kernel '{}' is launched with {} threads in a block, its code "
                                   "takes {}; compile it again",
                                   name, kernel.block, most));
  return toStatus(
      cuFuncSetAttribute(kernel.function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                         int(kernel.sharedBytes)),
      fmt::format("kernel '{}' cannot have {} bytes of shared memory", name, kernel.sharedBytes));
}

Result<CudaModule> CudaModule::load(const schema::Step &step, CUstream stream) {
  CudaModule result;
  if (step.kernels()->size() == 0)
    return result;
  SWAMLA_RETURN_IF_ERROR(result.loadCode(step));
  SWAMLA_TRY(result.scratch, DeviceMemory::allocate(swamla::scratchBytes(step),
                                                    "the kernels' scratch memory", stream));
  uint64_t offset = 0;
  for (const schema::Kernel *table : *step.kernels()) {
    GpuKernel &kernel = result.kernels.emplace_back();
    SWAMLA_RETURN_IF_ERROR(result.prepareKernel(*table, kernel));
    if (table->scratch_bytes() > 0)
      kernel.scratch = result.scratch.address() + offset;
    offset += aligned(table->scratch_bytes());
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

static CUtensorMapDataType elementType(schema::DType type) {
  switch (type) {
  case schema::DType::F32:
    return CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  case schema::DType::I32:
    return CU_TENSOR_MAP_DATA_TYPE_INT32;
  case schema::DType::BF16:
    return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
  case schema::DType::F8E4M3:
  case schema::DType::F8E5M2: // copied as they are
  case schema::DType::I8:
    return CU_TENSOR_MAP_DATA_TYPE_UINT8;
  }
  return CU_TENSOR_MAP_DATA_TYPE_FLOAT32; // not reached: a verified file has no other
}

static CUtensorMapSwizzle swizzleMode(schema::Swizzle swizzle) {
  switch (swizzle) {
  case schema::Swizzle::None:
    return CU_TENSOR_MAP_SWIZZLE_NONE;
  case schema::Swizzle::Bytes32:
    return CU_TENSOR_MAP_SWIZZLE_32B;
  case schema::Swizzle::Bytes64:
    return CU_TENSOR_MAP_SWIZZLE_64B;
  case schema::Swizzle::Bytes128:
    return CU_TENSOR_MAP_SWIZZLE_128B;
  }
  return CU_TENSOR_MAP_SWIZZLE_NONE; // not reached
}

static Result<CUtensorMap> encode(const schema::TensorMap &map, CUdeviceptr view) {
  constexpr unsigned kMaxRank = 5;
  unsigned rank = map.dims()->size();
  std::array<cuuint64_t, kMaxRank> dims = {}, strides = {};
  std::array<cuuint32_t, kMaxRank> box = {}, steps = {};
  for (unsigned i = 0; i < rank; ++i) {
    dims[i] = map.dims()->Get(i);
    box[i] = map.box()->Get(i);
    steps[i] = 1;
    if (i > 0)
      strides[i - 1] = map.strides()->Get(i - 1);
  }
  CUtensorMap result = {};
  SWAMLA_RETURN_IF_ERROR(toStatus(
      cuTensorMapEncodeTiled(&result, elementType(map.dtype()), rank,
                             pointerTo(view + map.offset()), dims.data(), strides.data(),
                             box.data(), steps.data(), CU_TENSOR_MAP_INTERLEAVE_NONE,
                             swizzleMode(map.swizzle()), CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                             CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
      fmt::format("cannot make a tensor map of {} dims, the inner {} elements with a box of {}",
                  rank, dims[0], box[0])));
  return result;
}

Result<GpuLaunch> GpuLaunch::create(const GpuKernel &kernel, const schema::Kernel &table,
                                    std::vector<CUdeviceptr> addresses) {
  GpuLaunch launch;
  launch.kernel = &kernel;
  launch.addresses = std::move(addresses);
  if (table.gpu()->tensor_maps())
    for (const schema::TensorMap *map : *table.gpu()->tensor_maps()) {
      SWAMLA_TRY(CUtensorMap encoded, encode(*map, launch.addresses[map->view()]));
      launch.maps.push_back(encoded);
    }
  if (kernel.scratch)
    launch.addresses.push_back(kernel.scratch);
  for (CUdeviceptr &address : launch.addresses)
    launch.parameters.push_back(&address);
  for (CUtensorMap &map : launch.maps)
    launch.parameters.push_back(&map);
  return launch;
}

CUresult GpuLaunch::enqueue(CUstream stream) {
  return cuLaunchKernel(kernel->function, kernel->grid[0], kernel->grid[1], kernel->grid[2],
                        kernel->block, 1, 1, kernel->sharedBytes, stream, parameters.data(),
                        nullptr);
}

} // namespace swamla
