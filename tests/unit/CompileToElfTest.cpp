//===- CompileToElfTest.cpp - what becomes of llvm.func ops ---------------===//
#include "compiler/Target/CPU/CompileToElf.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

using namespace mlir;
using namespace swamla;

namespace {

class CompileToElf : public testing::Test {
protected:
  void SetUp() override {
    directory = std::filesystem::path(testing::TempDir()) / "swamla-compile-to-elf";
    std::filesystem::create_directory(directory);
    setenv("TMPDIR", directory.c_str(), 1);
    context.loadDialect<LLVM::LLVMDialect>();
  }
  void TearDown() override {
    unsetenv("TMPDIR");
    std::filesystem::remove_all(directory);
  }

  /// The object's bytes, or nothing.
  std::string compile(const char *text, unsigned level = 3) {
    auto module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      errors += diagnostic.str();
      return success();
    });
    auto object = compileToElf(*module, CpuTarget{level});
    return succeeded(object) ? std::string(object->begin(), object->end()) : std::string();
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  std::filesystem::path directory;
  std::string errors;
};

TEST_F(CompileToElf, GivesASharedObjectAndLeavesNoFiles) {
  std::string object = compile(R"(
    llvm.func @answer() -> i32 {
      %0 = llvm.mlir.constant(42 : i32) : i32
      llvm.return %0 : i32
    })");
  EXPECT_EQ(errors, "");
  EXPECT_EQ(object.substr(0, 4), "\x7f"
                                 "ELF");
  EXPECT_EQ(object[16], 3); // e_type: ET_DYN
  EXPECT_NE(object.find("answer"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(directory));
}

TEST_F(CompileToElf, IsReproducible) {
  const char *text = R"(
    llvm.func @cosine(%x: f32) -> f32 {
      %0 = llvm.intr.cos(%x) : (f32) -> f32
      llvm.return %0 : f32
    })";
  std::string once = compile(text), again = compile(text);
  EXPECT_EQ(errors, ""); // libm's cosf is allowed
  EXPECT_FALSE(once.empty());
  EXPECT_EQ(once, again);
}

TEST_F(CompileToElf, RefusesWhatTheLoaderWouldNotFind) {
  EXPECT_EQ(compile(R"(
    llvm.func @elsewhere()
    llvm.func @caller() {
      llvm.call @elsewhere() : () -> ()
      llvm.return
    })"),
            "");
  EXPECT_NE(errors.find("kernels need 'elsewhere', which is neither theirs nor in libc or libm"),
            std::string::npos);
}

TEST_F(CompileToElf, RefusesCallsOfTheBackEnd) {
  // Without the instruction, rounding to bf16 is a function of the compiler's own library.
  EXPECT_EQ(compile(R"(
    llvm.func @round(%x: f64) -> bf16 {
      %0 = llvm.fptrunc %x : f64 to bf16
      llvm.return %0 : bf16
    })"),
            "");
  EXPECT_NE(errors.find("__truncdfbf2"), std::string::npos) << errors;
}

TEST_F(CompileToElf, SaysWhereTemporaryFilesCannotBeMade) {
  setenv("TMPDIR", "/nowhere", 1);
  EXPECT_EQ(compile("llvm.func @nothing() { llvm.return }"), "");
  EXPECT_NE(errors.find("cannot create temporary file '/nowhere/swamla-kernels"), std::string::npos)
      << errors;
}

} // namespace
