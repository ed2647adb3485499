//===- Emulator.cpp - runs GPU kernels without a GPU ----------------------===//
#include "compiler/Emulator/Emulator.h"

#include "compiler/Emulator/Decoder.h"
#include "compiler/Emulator/Machine/Machine.h"

using namespace mlir;

namespace swamla {

static llvm::Error problem(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

FailureOr<EmulatedKernel> EmulatedKernel::create(LLVM::LLVMFuncOp function) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
    return function.emitError() << "cannot be emulated on this machine: the emulator needs a CPU "
                                   "with AVX2 and FMA";
  FailureOr<emulator::Program> program = Decoder(function).decode();
  if (failed(program))
    return failure();
  return EmulatedKernel(std::make_shared<const emulator::Program>(std::move(*program)));
}

llvm::Error EmulatedKernel::launch(ArrayRef<emulator::MemoryView> views,
                                   const EmulationOptions &options,
                                   llvm::MutableArrayRef<std::byte> scratch) const {
  if (views.size() != program->numViews)
    return problem(program->name + ": got " + llvm::Twine(views.size()) + " views, expected " +
                   llvm::Twine(program->numViews));
  if (scratch.size() < program->scratchBytes)
    return problem(program->name + ": got " + llvm::Twine(scratch.size()) +
                   " bytes of scratch memory, expected " + llvm::Twine(program->scratchBytes));
  auto isZero = [](std::byte byte) { return byte == std::byte(0); };
  if (!llvm::all_of(scratch, isZero))
    return problem(program->name + ": the scratch memory is not zero before the launch");
  std::vector<emulator::MemoryView> memories(views.begin(), views.end());
  if (program->scratchBytes)
    memories.push_back({std::span(scratch.data(), program->scratchBytes), 0});
  emulator::Machine machine(*program, emulator::GlobalMemory(std::move(memories)),
                            {options.seed, options.adversarial, options.firstBlocks});
  if (!machine.run())
    return problem(machine.fault);
  if (!options.firstBlocks && !llvm::all_of(scratch, isZero))
    return problem(program->name + ": the kernel has not left its scratch memory zero");
  return llvm::Error::success();
}

} // namespace swamla
