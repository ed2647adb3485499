//===- VerifySharedObject.cpp - the bounds of an ELF file -----------------===//
//
// The dynamic loader maps segments without asking whether the file has them;
// touching what is beyond its end kills the process. So that is asked here.
//
//===----------------------------------------------------------------------===//
#include "runtime/program/VerifyStep.h"

#include <cstring>
#include <elf.h>

namespace swamla {

namespace {
/// Reads a T at an offset that the caller has checked.
template <typename T> T readAt(std::span<const std::byte> bytes, uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

bool inside(uint64_t offset, uint64_t count, uint64_t size) {
  return offset <= size && count <= size - offset;
}
} // namespace

Status verifySharedObject(std::span<const std::byte> elf) {
  if (elf.size() < sizeof(Elf64_Ehdr) || std::memcmp(elf.data(), ELFMAG, SELFMAG) != 0)
    return dataCorrupt(fmt::format("{} bytes that are not an ELF file", elf.size()));
  auto header = readAt<Elf64_Ehdr>(elf, 0);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64 || header.e_type != ET_DYN)
    return dataCorrupt(
        fmt::format("an ELF file of type {} for machine {}; expected a shared object "
                    "(type {}) for x86-64 (machine {})",
                    header.e_type, header.e_machine, ET_DYN, EM_X86_64));
  if (header.e_phnum == 0 || header.e_phentsize != sizeof(Elf64_Phdr) ||
      !inside(header.e_phoff, uint64_t(header.e_phnum) * sizeof(Elf64_Phdr), elf.size()))
    return dataCorrupt(fmt::format("the ELF file's {} program headers of {} bytes at byte {} are "
                                   "not inside its {} bytes",
                                   header.e_phnum, header.e_phentsize, header.e_phoff, elf.size()));
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    auto segment = readAt<Elf64_Phdr>(elf, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (!inside(segment.p_offset, segment.p_filesz, elf.size()))
      return dataCorrupt(
          fmt::format("segment {} of the ELF file has {} bytes from byte {}, but the "
                      "file has {} bytes",
                      i, segment.p_filesz, segment.p_offset, elf.size()));
  }
  return Status::ok();
}

} // namespace swamla
