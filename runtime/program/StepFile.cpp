//===- StepFile.cpp - a step.bin, loaded and verified ---------------------===//
#include "runtime/program/StepFile.h"

#include "runtime/base/File.h"
#include "runtime/base/Format.h"
#include "runtime/base/Hash.h"
#include "runtime/program/VerifyStep.h"
#include "runtime/schema/StepHeader.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace swamla {

static_assert(std::endian::native == std::endian::little, "step.bin is little-endian");

namespace {
using Bytes = std::span<const std::byte>;

constexpr uint64_t kMaxFileBytes = sizeof(StepHeader) + FLATBUFFERS_MAX_BUFFER_SIZE;

/// The magic's line ending turned into another one, as transfers in text mode do.
bool isTextModeDamage(std::string_view start) {
  return start.starts_with("SWAMLA\n") || start.starts_with("SWAMLA\r");
}

Status checkMagic(Bytes bytes) {
  std::string_view start(reinterpret_cast<const char *>(bytes.data()),
                         std::min(bytes.size(), kStepMagic.size()));
  if (start == std::string_view(kStepMagic.data(), kStepMagic.size()))
    return Status::ok();
  if (start.size() == kStepMagic.size() && isTextModeDamage(start))
    return dataCorrupt("its line endings were changed, as a transfer in text mode does; copy the "
                       "file again in binary mode");
  if (std::string_view(kStepMagic.data(), kStepMagic.size()).starts_with(start))
    return dataCorrupt(fmt::format("it ends after {} bytes, inside the header of {} bytes; copy "
                                   "or compile it again",
                                   bytes.size(), sizeof(StepHeader)));
  return dataCorrupt(fmt::format("not a step.bin: it begins with {}, expected {}; compile a model "
                                 "file with `swamlac model.mlir -o step.bin`",
                                 quoted(start), quoted({kStepMagic.data(), kStepMagic.size()})));
}

Result<StepHeader> readHeader(Bytes bytes) {
  SWAMLA_RETURN_IF_ERROR(checkMagic(bytes));
  if (bytes.size() < sizeof(StepHeader))
    return dataCorrupt(fmt::format("it ends after {} bytes, inside the header of {} bytes; copy "
                                   "or compile it again",
                                   bytes.size(), sizeof(StepHeader)));
  StepHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.version != kStepFormatVersion)
    return failedPrecondition(
        fmt::format("its format is version {}, this program reads version {}; compile it again "
                    "with the swamlac of the same release",
                    header.version, kStepFormatVersion));
  if (header.headerBytes != sizeof(StepHeader))
    return dataCorrupt(fmt::format("header: headerBytes is {}, expected {}", header.headerBytes,
                                   sizeof(StepHeader)));
  if (std::any_of(header.zero.begin(), header.zero.end(), [](uint8_t b) { return b != 0; }))
    return dataCorrupt("header: the reserved bytes 32 to 63 are not zero");
  uint64_t content = bytes.size() - sizeof(StepHeader);
  if (header.contentBytes != content)
    return dataCorrupt(fmt::format("it is {}: the header announces {} bytes of content, the file "
                                   "has {}; copy or compile it again",
                                   content < header.contentBytes ? "truncated" : "too long",
                                   header.contentBytes, content));
  return header;
}

Status checkContent(Bytes content, const StepHeader &header) {
  uint64_t checksum = hash64(content);
  if (checksum != header.checksum)
    return dataCorrupt(fmt::format("damaged: the content's checksum is {:016x}, the header says "
                                   "{:016x}; copy or compile it again",
                                   checksum, header.checksum));
  const auto *data = reinterpret_cast<const uint8_t *>(content.data());
  // A flatbuffer's root offset and identifier are its first 8 bytes.
  if (content.size() < 8 || !schema::StepBufferHasIdentifier(data))
    return dataCorrupt(fmt::format("the content is not a step program: no identifier {} at byte {}",
                                   quoted(schema::StepIdentifier()), sizeof(StepHeader) + 4));
  flatbuffers::Verifier verifier(data, content.size());
  if (!schema::VerifyStepBuffer(verifier))
    return dataCorrupt("the content is not a well-formed flatbuffer of runtime/schema/step.fbs, "
                       "although its checksum is right; compile it again");
  return Status::ok();
}
} // namespace

Result<StepFile> StepFile::load(const std::string &path) {
  SWAMLA_TRY(std::vector<std::byte> bytes, readFile(path, kMaxFileBytes));
  return fromBytes(std::move(bytes), path);
}

Result<StepFile> StepFile::fromBytes(std::vector<std::byte> bytes, const std::string &name) {
  auto parse = [&]() -> Result<StepFile> {
    StepFile file;
    SWAMLA_TRY(StepHeader header, readHeader(bytes));
    SWAMLA_RETURN_IF_ERROR(checkContent(Bytes(bytes).subspan(sizeof(StepHeader)), header));
    file.path = name;
    file.bytes = std::move(bytes);
    file.root = schema::GetStep(file.bytes.data() + sizeof(StepHeader));
    file.contentChecksum = header.checksum;
    SWAMLA_RETURN_IF_ERROR(verifyStep(*file.root));
    return file;
  };
  Result<StepFile> result = parse();
  if (!result.isOk())
    return std::move(result).takeStatus().withContext(name);
  return result;
}

std::optional<unsigned> StepFile::findProgram(std::string_view name) const {
  for (unsigned i = 0; i < root->programs()->size(); ++i)
    if (root->programs()->Get(i)->name()->string_view() == name)
      return i;
  return std::nullopt;
}

std::optional<unsigned> StepFile::findBuffer(std::string_view name) const {
  for (unsigned i = 0; i < root->buffers()->size(); ++i)
    if (root->buffers()->Get(i)->name()->string_view() == name)
      return i;
  return std::nullopt;
}

std::optional<unsigned> StepFile::findBuffer(schema::BufferKind kind) const {
  for (unsigned i = 0; i < root->buffers()->size(); ++i)
    if (root->buffers()->Get(i)->kind() == kind)
      return i;
  return std::nullopt;
}

const schema::Slot *StepFile::findSlot(std::string_view name) const {
  for (const schema::Slot *slot : *root->slots())
    if (slot->name()->string_view() == name)
      return slot;
  return nullptr;
}

} // namespace swamla
