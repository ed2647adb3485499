//===- swamla-opt.cpp - every pass alone, for reading and for tests -------===//
#include "compiler/Pipelines/RegisterPasses.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  swamla::registerAllSwamlaDialects(registry);
  swamla::registerAllSwamlaPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "swamla pass driver\n", registry));
}
