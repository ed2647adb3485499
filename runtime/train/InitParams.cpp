//===- InitParams.cpp - initial weights -----------------------------------===//
//
// A billion normal numbers take one core six seconds, so all cores make them:
// a number depends on its index alone, not on who makes it.
//
//===----------------------------------------------------------------------===//
#include "runtime/base/CpuInfo.h"
#include "runtime/base/Philox.h"
#include "runtime/train/ParamTable.h"

#include <algorithm>
#include <thread>

namespace swamla {

namespace {
constexpr uint64_t kPieceElements = uint64_t{1} << 20;
constexpr unsigned kMaxThreads = 32;

/// Elements [first, first + count) of a parameter.
struct Piece {
  const ParamEntry *entry;
  uint64_t first, count;
};
} // namespace

static std::vector<Piece> piecesOf(const ParamTable &table) {
  std::vector<Piece> pieces;
  for (const ParamEntry &entry : table.entries())
    for (uint64_t first = 0; first < entry.elements; first += kPieceElements)
      pieces.push_back({&entry, first, std::min(kPieceElements, entry.elements - first)});
  return pieces;
}

static void make(const Piece &piece, uint64_t seed, std::vector<float> &values) {
  const ParamEntry &entry = *piece.entry;
  values.assign(piece.count, static_cast<float>(entry.initValue));
  if (entry.initNormal)
    RandomStream(seed, "init." + entry.name).fillNormal(values, 0.0, entry.initValue, piece.first);
}

Status initParams(Device &device, const ParamTable &table, uint64_t seed) {
  std::vector<Piece> pieces = piecesOf(table);
  size_t threads = std::clamp(readCpuInfo().usableCores, 1U, kMaxThreads);
  std::vector<std::vector<float>> values(std::min(threads, pieces.size()));
  for (size_t begin = 0; begin < pieces.size(); begin += values.size()) {
    size_t count = std::min(values.size(), pieces.size() - begin);
    std::vector<std::thread> others;
    for (size_t i = 1; i < count; ++i)
      others.emplace_back([&, i] { make(pieces[begin + i], seed, values[i]); });
    make(pieces[begin], seed, values[0]);
    for (std::thread &other : others)
      other.join();
    for (size_t i = 0; i < count; ++i) {
      const Piece &piece = pieces[begin + i];
      SWAMLA_RETURN_IF_ERROR(device.upload(table.paramsBuffer().index,
                                           (piece.entry->offset + piece.first) * sizeof(float),
                                           std::as_bytes(std::span(values[i]))));
    }
  }
  return refreshWorkingCopies(device);
}

} // namespace swamla
