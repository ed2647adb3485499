//===- SafetensorsWriter.cpp - writing named tensors ----------------------===//

#include "runtime/train/Json.h"
#include "runtime/train/Safetensors.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdio>

namespace swamla {

struct SafetensorsWriter::State {
  State(std::string path, FileWriter file) : path(std::move(path)), file(std::move(file)) {
    XXH3_64bits_reset(&hash);
  }

  Status append(std::string_view text) {
    XXH3_64bits_update(&hash, text.data(), text.size());
    return file.append(text);
  }

  std::string path;
  FileWriter file;
  XXH3_state_t hash;
  uint64_t dataBytes = 0; ///< that the tensors need
  uint64_t appended = 0;
  bool finished = false;
};

static std::string asideName(const std::string &path) { return path + ".tmp"; }

SafetensorsWriter::SafetensorsWriter(std::unique_ptr<State> state) : state(std::move(state)) {}
SafetensorsWriter::SafetensorsWriter(SafetensorsWriter &&) noexcept = default;
SafetensorsWriter &SafetensorsWriter::operator=(SafetensorsWriter &&) noexcept = default;

SafetensorsWriter::~SafetensorsWriter() {
  if (state && !state->finished)
    std::remove(asideName(state->path).c_str());
}

Result<SafetensorsWriter>
SafetensorsWriter::create(const std::string &path, const std::vector<TensorInfo> &tensors,
                          const std::map<std::string, std::string> &metadata) {
  Json header = Json::object();
  if (!metadata.empty())
    header["__metadata__"] = metadata;
  uint64_t end = 0;
  for (const TensorInfo &tensor : tensors) {
    uint64_t elements = 1;
    for (uint64_t size : tensor.shape)
      elements *= size;
    uint64_t begin = end;
    end += elements * tensorTypeBytes(tensor.type);
    if (header.contains(tensor.name))
      return internalError(fmt::format("{}: two tensors are named {}", path, tensor.name));
    header[tensor.name] = {{"dtype", tensorTypeName(tensor.type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {begin, end}}};
  }
  std::string text = dumpJson(header);
  text.resize((text.size() + 7) / 8 * 8, ' '); // the data starts at a multiple of 8
  uint64_t length = text.size();

  SWAMLA_TRY(FileWriter file, FileWriter::create(asideName(path)));
  SafetensorsWriter writer(std::make_unique<State>(path, std::move(file)));
  writer.state->dataBytes = end;
  SWAMLA_RETURN_IF_ERROR(writer.state->append(
      std::string_view(reinterpret_cast<const char *>(&length), sizeof(length))));
  SWAMLA_RETURN_IF_ERROR(writer.state->append(text));
  return writer;
}

Status SafetensorsWriter::append(std::span<const std::byte> bytes) {
  state->appended += bytes.size();
  if (state->appended > state->dataBytes)
    return internalError(fmt::format("{}: more than the {} bytes that its tensors need",
                                     state->path, state->dataBytes));
  return state->append(
      std::string_view(reinterpret_cast<const char *>(bytes.data()), bytes.size()));
}

Result<FileDigest> SafetensorsWriter::finish() {
  if (state->appended != state->dataBytes)
    return internalError(fmt::format("{}: {} bytes of data; its tensors need {}", state->path,
                                     state->appended, state->dataBytes));
  SWAMLA_RETURN_IF_ERROR(state->file.finish());
  SWAMLA_RETURN_IF_ERROR(renameDurably(asideName(state->path), state->path));
  state->finished = true;
  return FileDigest{state->file.bytesWritten(), XXH3_64bits_digest(&state->hash)};
}

} // namespace swamla
