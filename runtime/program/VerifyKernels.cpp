//===- VerifyKernels.cpp - the kernel table, and code of each target ------===//
#include "runtime/base/Format.h"
#include "runtime/program/VerifyStep.h"

#include <algorithm>
#include <cstring>
#include <elf.h>

namespace swamla {

namespace {
constexpr uint64_t kMaxScratchBytes = uint64_t(1) << 30;
// What every CUDA device with tensor memory accelerators has.
constexpr uint64_t kMaxGridX = INT32_MAX, kMaxGridYZ = 65535;
constexpr unsigned kMaxBlock = 1024;
constexpr uint64_t kMaxSharedBytes = 232448;
// The PTX ISA's limits of a tensor map.
constexpr unsigned kMaxMapRank = 5, kMaxBox = 256;
constexpr uint64_t kMaxMapDim = uint64_t(1) << 32, kMaxMapStride = uint64_t(1) << 40;
constexpr uint64_t kMapAlignment = 16;
/// PTX files have their directives behind a comment of some lines.
constexpr size_t kPtxHead = 4096;
constexpr unsigned kMachineCuda = 190; // EM_CUDA

/// Most bytes of a tile's innermost dim; 0: no swizzling, no bound.
uint64_t swizzleSpan(schema::Swizzle swizzle) {
  return swizzle == schema::Swizzle::None ? 0 : uint64_t(16) << unsigned(swizzle);
}
} // namespace

//===----------------------------------------------------------------------===//
// Launches on GPUs
//===----------------------------------------------------------------------===//

static Status verifyTensorMapShape(const schema::TensorMap &map, const std::string &where) {
  unsigned rank = map.dims()->size();
  if (rank < 1 || rank > kMaxMapRank || map.strides()->size() != rank - 1 ||
      map.box()->size() != rank)
    return dataCorrupt(fmt::format("{}: {} dims, {} strides and a box of {} dims; expected 1 to {} "
                                   "dims, a stride less and a box of as many",
                                   where, rank, map.strides()->size(), map.box()->size(),
                                   kMaxMapRank));
  if (map.dtype() > schema::DType::MAX || map.swizzle() > schema::Swizzle::MAX)
    return dataCorrupt(fmt::format("{}: element type {} or swizzle {} is not known", where,
                                   unsigned(map.dtype()), unsigned(map.swizzle())));
  for (unsigned i = 0; i < rank; ++i) {
    if (map.dims()->Get(i) == 0 || map.dims()->Get(i) > kMaxMapDim || map.box()->Get(i) == 0 ||
        map.box()->Get(i) > kMaxBox)
      return dataCorrupt(fmt::format("{}: dim {} has {} elements and a box of {}; expected 1 to {} "
                                     "and 1 to {}",
                                     where, i, map.dims()->Get(i), map.box()->Get(i), kMaxMapDim,
                                     kMaxBox));
    uint64_t stride = i == 0 ? 0 : map.strides()->Get(i - 1);
    if (i > 0 && (stride == 0 || stride % kMapAlignment != 0 || stride >= kMaxMapStride))
      return dataCorrupt(fmt::format("{}: the stride of dim {} is {} bytes; expected a multiple of "
                                     "{} below {}",
                                     where, i, stride, kMapAlignment, kMaxMapStride));
  }
  uint64_t inner = map.box()->Get(0) * dtypeBytes(map.dtype());
  uint64_t span = swizzleSpan(map.swizzle());
  if (inner % kMapAlignment != 0 || (span != 0 && inner > span))
    return dataCorrupt(fmt::format("{}: rows of the box have {} bytes; expected a multiple of {}, "
                                   "at most {} with swizzle {}",
                                   where, inner, kMapAlignment, span ? span : kMaxBox * 4,
                                   schema::EnumNameSwizzle(map.swizzle())));
  return Status::ok();
}

static Status verifyGpuLaunch(const schema::Kernel &kernel, const std::string &where) {
  const schema::GpuLaunch &gpu = *kernel.gpu();
  uint64_t x = gpu.grid_x(), y = gpu.grid_y(), z = gpu.grid_z();
  if (x == 0 || x > kMaxGridX || y == 0 || y > kMaxGridYZ || z == 0 || z > kMaxGridYZ)
    return dataCorrupt(fmt::format("{}: a grid of {} x {} x {} blocks; expected 1 to {}, {} and {}",
                                   where, x, y, z, kMaxGridX, kMaxGridYZ, kMaxGridYZ));
  if (gpu.block() == 0 || gpu.block() > kMaxBlock)
    return dataCorrupt(
        fmt::format("{}: a block of {} threads; expected 1 to {}", where, gpu.block(), kMaxBlock));
  if (gpu.shared_bytes() > kMaxSharedBytes)
    return dataCorrupt(fmt::format("{}: {} bytes of shared memory, at most {} are possible", where,
                                   gpu.shared_bytes(), kMaxSharedBytes));
  if (!gpu.tensor_maps())
    return Status::ok();
  unsigned index = 0;
  for (const schema::TensorMap *map : *gpu.tensor_maps()) {
    std::string place = fmt::format("{}: tensor_maps[{}]", where, index++);
    if (map->view() >= kernel.num_views())
      return dataCorrupt(fmt::format("{} is of view {}, but the kernel takes {}", place,
                                     map->view(), kernel.num_views()));
    SWAMLA_RETURN_IF_ERROR(verifyTensorMapShape(*map, place));
  }
  return Status::ok();
}

/// Bytes from the map's first element to behind its last. Strides and dims are bounded, so the sum
/// of at most 5 products of 2^72 could overflow: nullopt then.
static std::optional<uint64_t> extentOf(const schema::TensorMap &map) {
  unsigned __int128 extent =
      static_cast<unsigned __int128>(map.dims()->Get(0)) * dtypeBytes(map.dtype());
  for (unsigned i = 1; i < map.dims()->size(); ++i)
    extent += static_cast<unsigned __int128>(map.dims()->Get(i) - 1) * map.strides()->Get(i - 1);
  if (extent > UINT64_MAX)
    return std::nullopt;
  return uint64_t(extent);
}

Status verifyTensorMaps(const schema::Step &step, const schema::Launch &launch,
                        const std::string &where) {
  const schema::Kernel &kernel = *step.kernels()->Get(launch.kernel());
  if (!kernel.gpu() || !kernel.gpu()->tensor_maps())
    return Status::ok();
  unsigned index = 0;
  for (const schema::TensorMap *map : *kernel.gpu()->tensor_maps()) {
    auto place = [&] { return fmt::format("{}: tensor_maps[{}] of its kernel", where, index); };
    const schema::View &view = *launch.views()->Get(map->view());
    std::optional<uint64_t> extent = extentOf(*map);
    if (!extent || map->offset() > view.bytes() || *extent > view.bytes() - map->offset())
      return dataCorrupt(fmt::format("{} reaches {} bytes from byte {} of view {}, which has {}",
                                     place(), extent ? fmt::to_string(*extent) : "2^64 or more",
                                     map->offset(), map->view(), view.bytes()));
    // Buffers are 256-byte aligned.
    if ((view.offset() + map->offset()) % kMapAlignment != 0)
      return dataCorrupt(fmt::format("{} begins at byte {} of its buffer, expected a multiple of "
                                     "{}",
                                     place(), view.offset() + map->offset(), kMapAlignment));
    ++index;
  }
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

static Status verifyPtx(std::span<const uint8_t> code) {
  std::string_view text(reinterpret_cast<const char *>(code.data()), code.size());
  if (size_t zero = text.find('\0'); zero != std::string_view::npos)
    return dataCorrupt(fmt::format("code: byte {} is zero; expected PTX text", zero));
  if (text.substr(0, kPtxHead).find(".version") == std::string_view::npos)
    return dataCorrupt(
        fmt::format("code: {} bytes that are not PTX text: no .version directive", code.size()));
  return Status::ok();
}

/// The driver checks the rest.
static Status verifyCubin(std::span<const uint8_t> cubin) {
  Elf64_Ehdr header = {};
  if (cubin.size() >= sizeof(header))
    std::memcpy(&header, cubin.data(), sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != kMachineCuda)
    return dataCorrupt(fmt::format("cubin: {} bytes that are not an ELF file for CUDA (machine {})",
                                   cubin.size(), kMachineCuda));
  return Status::ok();
}

static Status verifyCode(const schema::Step &step) {
  std::string_view target = step.target()->kind()->string_view();
  std::span<const uint8_t> code(step.code()->data(), size_t(step.code()->size()));
  if (step.cubin() && target != "cuda")
    return dataCorrupt(fmt::format("cubin: there is one, but the target is {}", quoted(target)));
  if (step.cubin())
    SWAMLA_RETURN_IF_ERROR(
        verifyCubin(std::span(step.cubin()->data(), size_t(step.cubin()->size()))));
  if (step.kernels()->size() == 0 && code.empty())
    return Status::ok();
  if (target == "cuda")
    return verifyPtx(code);
  if (target == "cpu")
    return verifySharedObject(std::as_bytes(code)).withContext("code");
  return Status::ok(); // no device will take it
}

Status verifyKernels(const schema::Step &step) {
  Names names("kernels");
  bool cuda = step.target()->kind()->string_view() == "cuda";
  unsigned index = 0;
  for (const schema::Kernel *kernel : *step.kernels()) {
    SWAMLA_RETURN_IF_ERROR(names.add(index, kernel->name()->string_view()));
    std::string where = fmt::format("kernels[{}] ('{}')", index++, kernel->name()->string_view());
    if (kernel->scratch_bytes() > kMaxScratchBytes)
      return dataCorrupt(fmt::format("{}: scratch_bytes is {}, at most {} are allowed", where,
                                     kernel->scratch_bytes(), kMaxScratchBytes));
    if ((kernel->gpu() != nullptr) != cuda)
      return dataCorrupt(fmt::format("{}: {} GPU launch, but the target is {}", where,
                                     cuda ? "has no" : "has a",
                                     quoted(step.target()->kind()->string_view())));
    if (cuda)
      SWAMLA_RETURN_IF_ERROR(verifyGpuLaunch(*kernel, where));
  }
  return verifyCode(step);
}

} // namespace swamla
