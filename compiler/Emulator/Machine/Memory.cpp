//===- Memory.cpp - the memories that an emulated kernel sees -------------===//
#include "compiler/Emulator/Machine/Memory.h"

namespace swamla::emulator {

std::string GlobalMemory::describe(uint64_t address) const {
  uint64_t view = (address >> kViewShift) - 1;
  if (view >= views.size())
    return "address " + std::to_string(address) + ", which is in no view";
  auto offset = int64_t(address - this->address(unsigned(view)));
  return "byte " + std::to_string(offset) + " of view " + std::to_string(view) + " (of " +
         std::to_string(views[view].bytes.size()) + " bytes)";
}

std::string SharedMemory::describe(uint64_t address) const {
  return "byte " + std::to_string(int64_t(address - kSharedBase)) + " of shared memory (of " +
         std::to_string(size) + " bytes)";
}

} // namespace swamla::emulator
