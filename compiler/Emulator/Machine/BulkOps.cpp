//===- BulkOps.cpp - the tensor memory accelerator ------------------------===//
//
// A load lands at any time after it was asked for. A store reads shared memory
// and writes device memory as late as the waits of its thread let it.
//
//===----------------------------------------------------------------------===//
#include "compiler/Emulator/Machine/Handlers.h"
#include "compiler/Emulator/Machine/Machine.h"

#include <algorithm>

namespace swamla::emulator {

namespace {
constexpr uint64_t kChunk = 16; ///< bytes that stay together under a swizzle

/// Where a 16-byte chunk goes: address bits 4.. are exclusive-ored with bits 7..
uint64_t swizzled(uint64_t address, unsigned swizzle) {
  uint64_t mask = (1U << swizzle) - 1;
  return address ^ (address >> 7 & mask) << 4;
}

uint64_t sharedAddress(uint64_t address) { return address & ~kSharedWindow; }

/// One row, along the innermost dim, of the tile that a tensor map and coordinates name.
struct TileRow {
  uint64_t shared; ///< bytes from the tile's begin, before the swizzle
  int64_t global;  ///< bytes from the view's begin
  bool inside;     ///< in all dims but the innermost
};

/// Calls `body` for each row of a tile.
template <typename Body>
bool forRows(const TensorMap &map, const std::vector<int32_t> &coordinates, Body body) {
  size_t rank = map.dims.size();
  uint64_t rows = 1, rowBytes = uint64_t(map.box[0]) * map.elementBytes;
  for (size_t d = 1; d < rank; ++d)
    rows *= map.box[d];
  for (uint64_t row = 0; row < rows; ++row) {
    TileRow at{row * rowBytes, int64_t(map.offset) + int64_t(coordinates[0]) * map.elementBytes,
               true};
    uint64_t rest = row;
    for (size_t d = 1; d < rank; ++d) {
      int64_t i = coordinates[d] + int64_t(rest % map.box[d]);
      rest /= map.box[d];
      at.inside &= i >= 0 && uint64_t(i) < map.dims[d];
      at.global += i * int64_t(map.strides[d - 1]);
    }
    if (!body(at))
      return false;
  }
  return true;
}

/// The part of a 16-byte chunk at column `byte` of a row that lies inside of the tensor: bytes
/// [first, last) of the chunk.
std::pair<int64_t, int64_t> insideOf(const TensorMap &map, int64_t column, bool inside) {
  if (!inside)
    return {0, 0};
  int64_t width = int64_t(map.dims[0]) * map.elementBytes;
  int64_t first = std::clamp<int64_t>(-column, 0, kChunk);
  int64_t last = std::clamp<int64_t>(width - column, 0, kChunk);
  return {first, std::max(first, last)};
}

/// Checks what the hardware demands of a tile's place in shared memory.
std::string placementError(const Block &block, const TensorMap &map, uint64_t address) {
  uint64_t rowBytes = uint64_t(map.box[0]) * map.elementBytes;
  if (address % 128 != 0)
    return "a tile lies at " + block.shared.describe(address) + ", which is not a multiple of 128";
  if (rowBytes % kChunk != 0 || (map.swizzle && rowBytes > (uint64_t(16) << map.swizzle)))
    return "a tile's rows have " + std::to_string(rowBytes) +
           " bytes; expected a multiple of 16, at most the span of the swizzle";
  return "";
}

const TensorMap *tensorMapAt(Frame &frame, const Instr &instr, uint64_t address, unsigned lane) {
  uint64_t index = address - kTensorMapWindow;
  if (index >= frame.machine.program.tensorMaps.size()) {
    frame.fail(instr, lane, "what should be a tensor map is none");
    return nullptr;
  }
  const TensorMap &map = frame.machine.program.tensorMaps[index];
  if (instr.listCount != map.dims.size()) {
    frame.fail(instr, lane,
               "has " + std::to_string(instr.listCount) + " coordinates for a tensor map of " +
                   std::to_string(map.dims.size()) + " dims");
    return nullptr;
  }
  return &map;
}

std::vector<int32_t> coordinatesOf(const Frame &frame, const Instr &instr, unsigned lane) {
  std::vector<int32_t> coordinates;
  coordinates.reserve(instr.listCount);
  for (unsigned i = 0; i < instr.listCount; ++i)
    coordinates.push_back(frame.reg<int32_t>(frame.list(instr)[i])[lane]);
  return coordinates;
}
} // namespace

//===----------------------------------------------------------------------===//
// Loads
//===----------------------------------------------------------------------===//

Next tensorLoad(Frame &frame, const Instr &instr) {
  for (uint32_t mask = frame.mask; mask; mask &= mask - 1) {
    auto lane = unsigned(__builtin_ctz(mask));
    uint64_t mapAddress = frame.reg<uint64_t>(instr.b)[lane];
    const TensorMap *map = tensorMapAt(frame, instr, mapAddress, lane);
    if (!map)
      return Next::Fault;
    uint64_t to = sharedAddress(frame.reg<uint64_t>(instr.a)[lane]);
    if (std::string error = placementError(frame.block, *map, to); !error.empty())
      return frame.fail(instr, lane, error);
    if (!frame.block.shared.find(to, map->boxBytes()))
      return frame.fail(instr, lane,
                        "a tile of " + std::to_string(map->boxBytes()) + " bytes does not fit at " +
                            frame.block.shared.describe(to));
    frame.block.loads.push_back(
        {&instr, frame.thread(lane), uint32_t(mapAddress - kTensorMapWindow),
         coordinatesOf(frame, instr, lane), to, 0,
         sharedAddress(frame.reg<uint64_t>(instr.c)[lane]), uint32_t(map->boxBytes()),
         frame.block.races.now(frame.warp.index)});
  }
  return Next::Continue;
}

Next bulkLoad(Frame &frame, const Instr &instr) {
  for (uint32_t mask = frame.mask; mask; mask &= mask - 1) {
    auto lane = unsigned(__builtin_ctz(mask));
    uint64_t to = sharedAddress(frame.reg<uint64_t>(instr.a)[lane]);
    uint64_t from = frame.reg<uint64_t>(instr.b)[lane];
    uint32_t bytes = frame.reg<uint32_t>(frame.list(instr)[0])[lane];
    if (to % 16 || from % 16 || bytes % 16 || !frame.block.shared.find(to, bytes) ||
        !frame.machine.global.find(from, bytes))
      return frame.fail(instr, lane,
                        "cannot copy " + std::to_string(bytes) + " bytes from " +
                            frame.machine.global.describe(from) + " to " +
                            frame.block.shared.describe(to) +
                            ": out of bounds, or no multiple of 16");
    frame.block.loads.push_back({&instr,
                                 frame.thread(lane),
                                 ~0U,
                                 {},
                                 to,
                                 from,
                                 sharedAddress(frame.reg<uint64_t>(instr.c)[lane]),
                                 bytes,
                                 frame.block.races.now(frame.warp.index)});
  }
  return Next::Continue;
}

/// Copies one row of a tile into shared memory, chunk by chunk; zeros outside of the tensor.
static bool landRow(Machine &machine, Block &block, const PendingLoad &load, const TensorMap &map,
                    const TileRow &row) {
  uint64_t base = machine.global.address(map.view);
  for (uint64_t at = 0; at < uint64_t(map.box[0]) * map.elementBytes; at += kChunk) {
    std::byte *to = block.shared.find(swizzled(load.to + row.shared + at, map.swizzle), kChunk);
    int64_t column = int64_t(load.coordinates[0]) * map.elementBytes + int64_t(at);
    auto [first, last] = insideOf(map, column, row.inside);
    std::memset(to, 0, kChunk);
    if (first == last)
      continue;
    uint64_t address = base + uint64_t(row.global + int64_t(at) + first);
    const std::byte *from = machine.global.find(address, uint64_t(last - first));
    if (!from) {
      machine.fail(block, load.thread, *load.instr,
                   "loads a tile from " + machine.global.describe(address) +
                       ", which is out of bounds");
      return false;
    }
    std::memcpy(to + first, from, size_t(last - first));
  }
  return true;
}

bool landLoad(Machine &machine, Block &block, const PendingLoad &load) {
  unsigned warp = load.thread / kLanes;
  std::string race = block.races.writeAsync(load.to - kSharedBase, load.bytes, warp, load.issued);
  if (!isRaceFree(machine, block, load.thread, *load.instr, load.to, race))
    return false;
  if (load.map == ~0U) {
    std::memcpy(block.shared.find(load.to, load.bytes), machine.global.find(load.from, load.bytes),
                load.bytes);
  } else {
    const TensorMap &map = machine.program.tensorMaps[load.map];
    if (!forRows(map, load.coordinates,
                 [&](const TileRow &row) { return landRow(machine, block, load, map, row); }))
      return false;
  }
  block.shared.writtenByAsync(load.to, load.bytes);
  MBarrier *barrier = findMBarrier(block, load.barrier);
  if (!barrier) {
    machine.fail(block, load.thread, *load.instr,
                 "there is no initialised mbarrier at " + block.shared.describe(load.barrier));
    return false;
  }
  if (!barrier->fenced) {
    machine.fail(block, load.thread, *load.instr,
                 "the mbarrier at " + block.shared.describe(load.barrier) +
                     " was initialised without fence.mbarrier_init since");
    return false;
  }
  block.races.releaseAsync(warp, load.issued, barrier->arriving);
  barrier->bytes -= load.bytes;
  completePhaseIfDone(block, *barrier);
  ++block.events;
  return true;
}

//===----------------------------------------------------------------------===//
// Stores
//===----------------------------------------------------------------------===//

Next tensorStore(Frame &frame, const Instr &instr) {
  for (uint32_t mask = frame.mask; mask; mask &= mask - 1) {
    auto lane = unsigned(__builtin_ctz(mask));
    uint64_t mapAddress = frame.reg<uint64_t>(instr.a)[lane];
    const TensorMap *map = tensorMapAt(frame, instr, mapAddress, lane);
    if (!map)
      return Next::Fault;
    uint64_t from = sharedAddress(frame.reg<uint64_t>(instr.b)[lane]);
    if (std::string error = placementError(frame.block, *map, from); !error.empty())
      return frame.fail(instr, lane, error);
    if (!frame.block.shared.find(from, map->boxBytes()))
      return frame.fail(instr, lane, "a tile does not fit at " + frame.block.shared.describe(from));
    frame.warp.bulkStores[lane].open.push_back({&instr,
                                                mapAddress,
                                                from,
                                                uint32_t(map->boxBytes()),
                                                coordinatesOf(frame, instr, lane),
                                                {},
                                                false,
                                                frame.block.races.now(frame.warp.index)});
  }
  return Next::Continue;
}

Next bulkStore(Frame &frame, const Instr &instr) {
  for (uint32_t mask = frame.mask; mask; mask &= mask - 1) {
    auto lane = unsigned(__builtin_ctz(mask));
    uint64_t to = frame.reg<uint64_t>(instr.a)[lane];
    uint64_t from = sharedAddress(frame.reg<uint64_t>(instr.b)[lane]);
    uint32_t bytes = frame.reg<uint32_t>(frame.list(instr)[0])[lane];
    if (to % 16 || from % 16 || bytes % 16 || !frame.block.shared.find(from, bytes) ||
        !frame.machine.global.find(to, bytes))
      return frame.fail(instr, lane,
                        "cannot copy " + std::to_string(bytes) + " bytes to " +
                            frame.machine.global.describe(to) + " from " +
                            frame.block.shared.describe(from) +
                            ": out of bounds, or no multiple of 16");
    frame.warp.bulkStores[lane].open.push_back(
        {&instr, to, from, bytes, {}, {}, false, frame.block.races.now(frame.warp.index)});
  }
  return Next::Continue;
}

namespace {
/// Reads what a store takes from shared memory; ordinary stores must have been fenced.
bool readSource(Machine &machine, Block &block, unsigned thread, PendingCopy &copy) {
  if (copy.read)
    return true;
  for (uint64_t at = copy.from; at < copy.from + copy.bytes; at += kChunk)
    if (int writer = block.shared.unfencedWriter(at); writer >= 0) {
      machine.fail(block, thread, *copy.instr,
                   "a bulk store reads " + block.shared.describe(at) + ", which thread " +
                       std::to_string(writer) + " has written without fence.proxy.async since");
      return false;
    }
  std::string race =
      block.races.readAsync(copy.from - kSharedBase, copy.bytes, thread / kLanes, copy.issued);
  if (!isRaceFree(machine, block, thread, *copy.instr, copy.from, race))
    return false;
  const std::byte *from = block.shared.find(copy.from, copy.bytes);
  copy.source.assign(from, from + copy.bytes);
  copy.read = true;
  return true;
}

bool writeTile(Machine &machine, Block &block, unsigned thread, const PendingCopy &copy,
               const TensorMap &map) {
  uint64_t base = machine.global.address(map.view);
  return forRows(map, copy.coordinates, [&](const TileRow &row) {
    for (uint64_t at = 0; at < uint64_t(map.box[0]) * map.elementBytes; at += kChunk) {
      const std::byte *from =
          copy.source.data() + (swizzled(copy.from + row.shared + at, map.swizzle) - copy.from);
      int64_t column = int64_t(copy.coordinates[0]) * map.elementBytes + int64_t(at);
      auto [first, last] = insideOf(map, column, row.inside);
      if (first == last)
        continue;
      uint64_t address = base + uint64_t(row.global + int64_t(at) + first);
      std::byte *to = machine.global.find(address, uint64_t(last - first));
      if (!to) {
        machine.fail(block, thread, *copy.instr,
                     "stores a tile to " + machine.global.describe(address) +
                         ", which is out of bounds");
        return false;
      }
      std::memcpy(to, from + first, size_t(last - first));
    }
    return true;
  });
}

/// Finishes a store.
bool write(Machine &machine, Block &block, unsigned thread, PendingCopy &copy) {
  if (!readSource(machine, block, thread, copy))
    return false;
  if (!copy.coordinates.empty())
    return writeTile(machine, block, thread, copy,
                     machine.program.tensorMaps[copy.to - kTensorMapWindow]);
  std::memcpy(machine.global.find(copy.to, copy.bytes), copy.source.data(), copy.bytes);
  return true;
}
} // namespace

Next bulkCommit(Frame &frame, const Instr &) {
  forLanes(frame.mask, [&](unsigned lane) {
    CopyGroups &groups = frame.warp.bulkStores[lane];
    groups.committed.push_back(std::move(groups.open));
    groups.open.clear();
  });
  return Next::Continue;
}

Next bulkWait(Frame &frame, const Instr &instr) {
  bool fine = true;
  forLanes(frame.mask, [&](unsigned lane) {
    auto &committed = frame.warp.bulkStores[lane].committed;
    size_t finished = committed.size() - std::min<size_t>(committed.size(), instr.imm);
    for (size_t i = 0; i < finished; ++i)
      for (PendingCopy &copy : committed[i])
        fine =
            fine && (instr.extra ? readSource(frame.machine, frame.block, frame.thread(lane), copy)
                                 : write(frame.machine, frame.block, frame.thread(lane), copy));
    frame.block.races.acquireAsync(frame.warp.index);
    if (!instr.extra)
      committed.erase(committed.begin(), committed.begin() + int64_t(finished));
  });
  return fine ? Next::Continue : Next::Fault;
}

bool finishBulkStores(Machine &machine, Block &block, Warp &warp, unsigned lane) {
  CopyGroups &groups = warp.bulkStores[lane];
  unsigned thread = warp.index * kLanes + lane;
  if (!groups.open.empty()) {
    machine.fail(block, thread, *groups.open.front().instr, "is never committed");
    return false;
  }
  for (auto &group : groups.committed)
    for (PendingCopy &copy : group) {
      if (!copy.read) {
        machine.fail(block, thread, *copy.instr,
                     "its thread ends without waiting until shared memory has been read");
        return false;
      }
      if (!write(machine, block, thread, copy))
        return false;
    }
  groups.committed.clear();
  return true;
}

} // namespace swamla::emulator
