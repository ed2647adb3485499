//===- HostMemory.cpp - a large block of memory ---------------------------===//
#include "runtime/cpu/HostMemory.h"

#include "runtime/base/Format.h"

#include <cerrno>
#include <sys/mman.h>
#include <system_error>
#include <utility>

namespace swamla {

namespace {
constexpr uint64_t kHugePage = uint64_t(2) << 20;
}

Result<HostMemory> HostMemory::allocate(uint64_t bytes, std::string_view purpose) {
  HostMemory memory;
  if (bytes == 0)
    return memory;
  bool huge = bytes >= kHugePage;
  memory.mappedBytes = huge ? bytes + kHugePage : bytes;
  void *mapping = ::mmap(nullptr, memory.mappedBytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    return resourceExhausted(fmt::format("cannot allocate {} for {}: {}", formatBytes(bytes),
                                         purpose, std::generic_category().message(errno)));
  memory.mapping = mapping;
  memory.bytes = bytes;
  memory.base = static_cast<std::byte *>(mapping);
  if (huge) {
    memory.base += (kHugePage - reinterpret_cast<uintptr_t>(mapping) % kHugePage) % kHugePage;
    // Only a hint: kernels without huge pages refuse it, and everything still works.
    (void)::madvise(memory.base, bytes, MADV_HUGEPAGE);
  }
  return memory;
}

HostMemory::HostMemory(HostMemory &&other) noexcept
    : base(std::exchange(other.base, nullptr)), bytes(std::exchange(other.bytes, 0)),
      mapping(std::exchange(other.mapping, nullptr)),
      mappedBytes(std::exchange(other.mappedBytes, 0)) {}

HostMemory &HostMemory::operator=(HostMemory &&other) noexcept {
  std::swap(base, other.base);
  std::swap(bytes, other.bytes);
  std::swap(mapping, other.mapping);
  std::swap(mappedBytes, other.mappedBytes);
  return *this;
}

HostMemory::~HostMemory() {
  if (mapping)
    ::munmap(mapping, mappedBytes);
}

} // namespace swamla
