//===- EmulatedDevice.h - whole programs on an emulated GPU ---------------===//
//
// A device for programs compiled for cuda: kernels are emulated, matmuls are the
// host's, in the types that the program says. Buffers that kernels must not read
// before writing them hold NaN.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Emulator/Emulator.h"
#include "runtime/device/Device.h"

#include "mlir/IR/BuiltinOps.h"

namespace swamla::test {

/// A device that runs `file`, whose kernels are functions of `lowered` (the module after the lower
/// phase). Both must outlive it. Runs `setup`, as every device does.
Result<std::unique_ptr<Device>> createEmulatedDevice(const StepFile &file, mlir::ModuleOp lowered,
                                                     const EmulationOptions &options);

/// Makes a step.bin of a lowered module, without the code that a GPU would run.
Result<StepFile> emulatedStepFile(mlir::ModuleOp lowered);

} // namespace swamla::test
