//===- TrainTestSupport.cpp - what the training tests share ---------------===//
#include "tests/unit/TrainTestSupport.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace swamla::test {

using schema::BufferKind;
using schema::DType;

static constexpr unsigned kVocab = 16;
static constexpr unsigned kGain = kVocab * kVocab; ///< offset of the parameter gain
static constexpr unsigned kFlat = 512;             ///< elements of a flat buffer
enum : unsigned { kBigramV = kResults + 1 };       ///< buffer index of adamw.v

std::string shardBytes(const std::vector<uint16_t> &tokens, int32_t magic, int32_t version,
                       int32_t count) {
  std::array<int32_t, 256> header = {magic, version,
                                     count < 0 ? static_cast<int32_t>(tokens.size()) : count};
  std::string bytes(reinterpret_cast<const char *>(header.data()), sizeof(header));
  bytes.append(reinterpret_cast<const char *>(tokens.data()), tokens.size() * 2);
  return bytes;
}

static void addScalar(schema::StepT &step, const char *name, DType type, unsigned index) {
  auto slot = std::make_unique<schema::SlotT>();
  slot->name = name;
  slot->view = std::make_unique<schema::View>(kScalars, uint64_t{index} * 4, 4);
  slot->dtype = type;
  slot->shape = {1};
  step.slots.push_back(std::move(slot));
}

schema::StepT bigramStep() {
  schema::StepT step = emptyStep();
  step.model->name = "bigram";
  step.model->num_params = kGain + 1;
  for (unsigned buffer : {kParams, kGrads, kState})
    step.buffers[buffer]->bytes = kFlat * sizeof(float);
  auto v = std::make_unique<schema::BufferT>();
  v->name = "adamw.v";
  v->kind = BufferKind::State;
  v->bytes = kFlat * sizeof(float);
  step.buffers.push_back(std::move(v));
  step.params[0]->name = "wte.weight";
  step.params[0]->shape = {kVocab, kVocab};
  step.params[1]->name = "gain";
  step.params[1]->shape = {};
  step.params[1]->offset = kGain;
  step.params[1]->init_normal = false;
  step.params[1]->init_value = 1;
  unsigned index = 1; // 0 is lr
  for (const char *name : {"beta1", "beta2", "eps", "weight_decay", "clip", "grad_scale",
                           "loss_scale", "bias_correction1", "bias_correction2"})
    addScalar(step, name, DType::F32, index++);
  addScalar(step, "dropout_key", DType::I32, index++);
  addScalar(step, "position", DType::I32, index++);
  return step;
}

BigramDevice::BigramDevice(const StepFile &file) : Device(file) {
  for (const schema::Buffer *buffer : *file.step().buffers())
    memory.emplace_back(buffer->bytes());
}

Status BigramDevice::upload(unsigned buffer, uint64_t offset, std::span<const std::byte> data) {
  if (offset + data.size() > memory.at(buffer).size())
    return internalError("upload outside the buffer");
  std::memcpy(memory[buffer].data() + offset, data.data(), data.size());
  return Status::ok();
}

Status BigramDevice::download(unsigned buffer, uint64_t offset, std::span<std::byte> data) {
  if (offset + data.size() > memory.at(buffer).size())
    return internalError("download outside the buffer");
  std::memcpy(data.data(), memory[buffer].data() + offset, data.size());
  return Status::ok();
}

uint64_t BigramDevice::allocatedBytes() const {
  uint64_t sum = 0;
  for (const auto &buffer : memory)
    sum += buffer.size();
  return sum;
}

std::span<float> BigramDevice::floats(unsigned buffer) {
  return {reinterpret_cast<float *>(memory[buffer].data()), memory[buffer].size() / sizeof(float)};
}

std::vector<float> BigramDevice::params() const {
  std::vector<float> values(kGain + 1);
  std::memcpy(values.data(), memory[kParams].data(), values.size() * sizeof(float));
  return values;
}

template <typename T> std::span<T> BigramDevice::slot(std::string_view name) {
  const schema::Slot *found = file().findSlot(name);
  return {reinterpret_cast<T *>(memory[found->view()->buffer()].data() + found->view()->offset()),
          found->view()->bytes() / sizeof(T)};
}

float BigramDevice::scalar(std::string_view name) const {
  return const_cast<BigramDevice *>(this)->slot<float>(name)[0];
}

double BigramDevice::forward(std::span<const int32_t> tokens, std::span<const int32_t> targets,
                             bool backward) {
  std::span<float> p = floats(kParams), g = floats(kGrads);
  double loss = 0, scale = scalar("loss_scale") / static_cast<double>(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const float *row = &p[static_cast<size_t>(tokens[i]) * kVocab];
    double gain = p[kGain], sum = 0;
    for (unsigned j = 0; j < kVocab; ++j)
      sum += std::exp(gain * row[j]);
    loss += std::log(sum) - gain * row[targets[i]];
    for (unsigned j = 0; backward && j < kVocab; ++j) {
      double d = std::exp(gain * row[j]) / sum - (static_cast<int32_t>(j) == targets[i] ? 1 : 0);
      g[static_cast<size_t>(tokens[i]) * kVocab + j] += static_cast<float>(scale * d * gain);
      g[kGain] += static_cast<float>(scale * d * row[j]);
    }
  }
  return loss / static_cast<double>(tokens.size());
}

void BigramDevice::apply() {
  std::span<float> p = floats(kParams), g = floats(kGrads), m = floats(kState),
                   v = floats(kBigramV);
  double sum = 0;
  for (float x : g)
    sum += static_cast<double>(x) * x;
  double norm = scalar("grad_scale") * std::sqrt(sum), clip = scalar("clip");
  slot<float>("apply.grad_norm")[0] = static_cast<float>(norm);
  if (!std::isfinite(norm)) { // such a step updates nothing
    std::ranges::fill(g, 0.0F);
    return;
  }
  double factor = scalar("grad_scale") * (clip > 0 ? std::min(1.0, clip / (norm + 1e-6)) : 1.0);
  double beta1 = scalar("beta1"), beta2 = scalar("beta2"), lr = scalar("lr");
  for (unsigned i = 0; i <= kGain; ++i) {
    double grad = factor * g[i];
    m[i] = static_cast<float>(beta1 * m[i] + (1 - beta1) * grad);
    v[i] = static_cast<float>(beta2 * v[i] + (1 - beta2) * grad * grad);
    double decay = i < kGain ? 1 - lr * scalar("weight_decay") : 1;
    p[i] = static_cast<float>(p[i] * decay -
                              lr * (m[i] / scalar("bias_correction1")) /
                                  (std::sqrt(v[i] / scalar("bias_correction2")) + scalar("eps")));
    g[i] = 0;
  }
}

Status BigramDevice::run(unsigned program) {
  std::string_view name = file().step().programs()->Get(program)->name()->string_view();
  if (beforeRun)
    beforeRun(name);
  if (name == "micro_step") {
    slot<float>("micro_step.loss")[0] = static_cast<float>(
        forward(slot<int32_t>("micro_step.tokens"), slot<int32_t>("micro_step.targets"), true));
  } else if (name == "eval") {
    slot<float>("eval.loss")[0] = static_cast<float>(
        forward(slot<int32_t>("eval.tokens"), slot<int32_t>("eval.targets"), false));
  } else if (name == "apply") {
    apply();
  } else if (name == "logits") {
    auto position = static_cast<size_t>(slot<int32_t>("position")[0]);
    auto token = static_cast<size_t>(slot<int32_t>("logits.tokens")[position]);
    for (unsigned j = 0; j < kVocab; ++j)
      slot<float>("logits.logits")[j] =
          floats(kParams)[kGain] * floats(kParams)[token * kVocab + j];
  }
  return Status::ok();
}

} // namespace swamla::test
