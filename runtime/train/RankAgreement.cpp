//===- RankAgreement.cpp - that the ranks of a run do the same ------------===//

#include "runtime/train/RankAgreement.h"

#include "runtime/base/Hash.h"

#include <algorithm>

namespace swamla {

/// Between names and values of facts: no command line has it.
static constexpr char kEnd = '\0';

static std::string pack(const RankFacts &facts) {
  std::string text;
  for (const auto &[name, value] : facts)
    text.append(name).append(1, kEnd).append(value).append(1, kEnd);
  return text;
}

static RankFacts unpack(const std::string &text) {
  RankFacts facts;
  for (size_t at = 0; at < text.size();) {
    size_t middle = text.find(kEnd, at), end = text.find(kEnd, middle + 1);
    facts[text.substr(at, middle - at)] = text.substr(middle + 1, end - middle - 1);
    at = end + 1;
  }
  return facts;
}

Status requireSameFacts(Communicator &ranks, const RankFacts &facts) {
  SWAMLA_TRY(std::vector<std::string> all, ranks.exchange(pack(facts)));
  const RankFacts first = unpack(all[0]);
  for (unsigned rank = 1; rank < all.size(); ++rank) {
    if (all[rank] == all[0])
      continue;
    const RankFacts theirs = unpack(all[rank]);
    for (const auto &[name, value] : first) {
      auto it = theirs.find(name);
      std::string other = it == theirs.end() ? "" : it->second;
      if (other != value)
        return invalidArgument(fmt::format("{} is '{}' on rank {} and '{}' on rank 0: all ranks "
                                           "need the same",
                                           name, other, rank, value));
    }
    return internalError(fmt::format("rank {} has other facts than rank 0", rank));
  }
  return Status::ok();
}

Result<std::string> agree(Communicator &ranks, Result<std::string> mine) {
  constexpr char kGood = '+', kBad = '-';
  SWAMLA_TRY(std::vector<std::string> all,
             ranks.exchange(mine.isOk() ? kGood + *mine : kBad + mine.status().message()));
  if (!mine.isOk())
    return std::move(mine).takeStatus();
  for (unsigned rank = 0; rank < all.size(); ++rank)
    if (all[rank].front() == kBad)
      return Status::error(StatusCode::RankLost,
                           fmt::format("rank {} cannot go on: {}", rank, all[rank].substr(1)));
  return all[0].substr(1);
}

/// A checksum over the bytes of the parameters.
static Result<std::string> parameterDigest(Device &device) {
  constexpr uint64_t kPiece = uint64_t{16} << 20;
  uint64_t digest = 0;
  std::vector<std::byte> piece;
  const auto &buffers = *device.file().step().buffers();
  for (unsigned i = 0; i < buffers.size(); ++i) {
    if (buffers.Get(i)->kind() != schema::BufferKind::Params)
      continue;
    uint64_t bytes = buffers.Get(i)->bytes();
    for (uint64_t at = 0; at < bytes; at += kPiece) {
      piece.resize(std::min(kPiece, bytes - at));
      SWAMLA_RETURN_IF_ERROR(device.download(i, at, piece));
      digest = hash64(piece, digest);
    }
  }
  return fmt::format("{:016x}", digest);
}

Status requireSameParameters(Communicator &ranks, Device &device, const std::string &when) {
  SWAMLA_TRY(std::string mine, parameterDigest(device));
  SWAMLA_TRY(std::vector<std::string> all, ranks.exchange(mine));
  for (unsigned rank = 1; rank < all.size(); ++rank)
    if (all[rank] != all[0])
      return failedPrecondition(
          fmt::format("{} the parameters of rank {} (checksum {}) are not those of rank 0 ({}): "
                      "the ranks do not start from the same weights, or one of them computes "
                      "wrongly",
                      when, rank, all[rank], all[0]));
  return Status::ok();
}

} // namespace swamla
