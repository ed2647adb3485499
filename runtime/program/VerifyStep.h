//===- VerifyStep.h - what the flatbuffer verifier cannot know ------------===//
//
// A well-formed flatbuffer has its strings, vectors and tables inside the file.
// This checks what they mean: every index against its table, every view
// against its buffer, every matrix against its view, names, kinds and sizes.
// Errors name the place by its path in the schema, `programs[1].ops[17]`.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Format.h"
#include "runtime/base/Status.h"
#include "runtime/schema/DTypes.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

namespace swamla {

/// All of it. `step` must have passed the flatbuffer verifier.
Status verifyStep(const schema::Step &step);

/// Its parts, in the order in which each trusts the ones before it.
Status verifyAlignment(const schema::Step &step);
Status verifyModel(const schema::Step &step);
Status verifyBuffers(const schema::Step &step);
Status verifyParams(const schema::Step &step);
Status verifySlots(const schema::Step &step);
Status verifyKernels(const schema::Step &step);
Status verifyPrograms(const schema::Step &step);
Status verifyReportTables(const schema::Step &step);

/// A launch's tensor maps against its views; `where` is the launch. The kernel has passed
/// verifyKernels.
Status verifyTensorMaps(const schema::Step &step, const schema::Launch &launch,
                        const std::string &where);

/// A matmul: types, extents, alignments, scales, overlap of its result with its operands; `where`
/// is its op.
Status verifyMatmul(const schema::Step &step, const schema::Matmul &matmul,
                    const std::string &where);

/// How many ranks there are, and how they share the work.
Status verifyRanks(const schema::Step &step);

/// The collectives of a program and their waits, whose other ops are right.
Status verifyCollectives(const schema::Step &step, unsigned program);

/// What a program may write, as far as its table tells: a launch does not say what it writes. The
/// view has passed verifyView.
Status verifyWritable(const schema::Step &step, const schema::View &view, const std::string &where);

/// An x86-64 ELF shared object whose segments lie inside it. Its instructions are trusted.
Status verifySharedObject(std::span<const std::byte> elf);

/// Names of one table: well-formed and unique.
class Names {
public:
  explicit Names(const char *table) : table(table) {}

  Status add(unsigned index, std::string_view name) {
    if (!isPlainName(name))
      return dataCorrupt(fmt::format(
          "{}[{}]: the name {} is not 1 to 255 printable ASCII characters without spaces", table,
          index, quoted(name)));
    if (!seen.insert(name).second)
      return dataCorrupt(
          fmt::format("{}[{}]: there already is one with the name '{}'", table, index, name));
    return Status::ok();
  }

private:
  const char *table;
  std::unordered_set<std::string_view> seen;
};

/// Whether two views that lie inside their buffers share a byte.
inline bool overlap(const schema::View &x, const schema::View &y) {
  return x.buffer() == y.buffer() && x.offset() < y.offset() + y.bytes() &&
         y.offset() < x.offset() + x.bytes();
}

/// Product of a shape's dims; nullopt when one is 0, there are more than 8, or it passes 2^48.
std::optional<uint64_t> elementCount(const flatbuffers::Vector<uint64_t> &shape);

/// A view inside its buffer, at a multiple of `multiple` bytes; `where` is called for the message's
/// start.
template <typename Where>
Status verifyView(const schema::Step &step, const schema::View &view, uint64_t multiple,
                  const Where &where) {
  if (view.buffer() >= step.buffers()->size())
    return dataCorrupt(fmt::format("{} is in buffer {}, but there are {} buffers", where(),
                                   view.buffer(), step.buffers()->size()));
  const schema::Buffer &buffer = *step.buffers()->Get(view.buffer());
  if (view.offset() > buffer.bytes() || view.bytes() > buffer.bytes() - view.offset())
    return dataCorrupt(fmt::format("{} covers {} bytes from byte {}, but buffer '{}' has {} bytes",
                                   where(), view.bytes(), view.offset(),
                                   buffer.name()->string_view(), buffer.bytes()));
  if (view.offset() % multiple != 0 || view.bytes() % multiple != 0)
    return dataCorrupt(fmt::format("{} covers {} bytes from byte {}; both must be multiples of {}",
                                   where(), view.bytes(), view.offset(), multiple));
  return Status::ok();
}

} // namespace swamla
