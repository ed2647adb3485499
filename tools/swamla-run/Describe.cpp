//===- Describe.cpp - what a step.bin holds -------------------------------===//

#include "runtime/base/Format.h"
#include "tools/swamla-run/Commands.h"

#include <map>

namespace swamla::run {

static void describePrograms(const schema::Step &step) {
  for (const schema::Program *program : *step.programs()) {
    unsigned matmuls = 0, launches = 0, fills = 0, collectives = 0;
    double flops = 0, bytes = 0;
    for (const schema::Op *op : *program->ops()) {
      matmuls += op->kind_type() == schema::OpKind::Matmul;
      launches += op->kind_type() == schema::OpKind::Launch;
      fills += op->kind_type() == schema::OpKind::Fill;
      collectives += op->kind_type() == schema::OpKind::Collective;
      flops += static_cast<double>(op->flops());
      bytes += static_cast<double>(op->bytes());
    }
    fmt::print("program    {:<11} {} matmuls, {} launches, {} fills{}; {:.3f} GFLOP, {:.3f} GB\n",
               program->name()->string_view(), matmuls, launches, fills,
               collectives ? fmt::format(", {} collectives", collectives) : "", flops * 1e-9,
               bytes * 1e-9);
  }
}

void describe(const StepFile &file) {
  const schema::Step &step = file.step();
  const schema::Model *model = step.model();
  fmt::print("file       {}, checksum {:016x}, made by {}\n", file.name(), file.checksum(),
             step.producer()->string_view());
  std::string options;
  if (step.options())
    for (const flatbuffers::String *option : *step.options())
      options += " " + option->str();
  fmt::print("options   {}\n", options.empty() ? " none" : options);
  fmt::print("target     {}, {}, {}\n", step.target()->kind()->string_view(),
             step.target()->triple()->string_view(), step.target()->cpu()->string_view());
  fmt::print(
      "model      {}: {} parameters in {} tensors, vocabulary {}, batch {} x {} tokens, {}\n",
      model->name()->string_view(), model->num_params(), step.params()->size(), model->vocab_size(),
      model->batch(), model->block_size(), model->optimizer()->string_view());
  if (step.ranks() > 1)
    fmt::print("ranks      {}, {}; batch and memory are those of one\n", step.ranks(),
               step.parallel()->string_view());
  fmt::print("compute    {:.4g} FLOP per token forward, {:.4g} a micro step with its backward\n",
             model->forward_flops_per_token(),
             3 * model->forward_flops_per_token() * model->batch() * model->block_size());
  uint64_t total = 0;
  for (const schema::Buffer *buffer : *step.buffers()) {
    fmt::print("buffer     {:<11} {:<9} {}\n", buffer->name()->string_view(),
               schema::EnumNameBufferKind(buffer->kind()), formatBytes(buffer->bytes()));
    total += buffer->bytes();
  }
  fmt::print("memory     {} in all; the arena's lower bound is {}\n", formatBytes(total),
             formatBytes(step.max_live_bytes()));
  describePrograms(step);
  fmt::print("kernels    {}, code {}{}\n\n{}\n", step.kernels()->size(),
             formatBytes(step.code()->size()),
             step.cubin() ? fmt::format(", assembled {}", formatBytes(step.cubin()->size())) : "",
             model->description()->string_view());
}

} // namespace swamla::run
