//===- PtxText.h - the text of inline PTX, taken apart --------------------===//
//
// Only what the kernel generators write: statements that end in ';', scopes with
// .reg declarations, guards, and operands $N, names, numbers, addresses, lists.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace swamla {

struct PtxOperand {
  enum class Kind {
    Argument, ///< $N: `number`
    Name,     ///< a declared register: `name`
    Integer,  ///< `number`
    Float,    ///< 0fXXXXXXXX: the bits are `number`
    Address,  ///< [part + number]
    List,     ///< {parts}
    Sink      ///< _
  };
  Kind kind = Kind::Sink;
  int64_t number = 0;
  std::string name;
  std::vector<PtxOperand> parts;
};

struct PtxStatement {
  std::string opcode; ///< "add.s32", or ".reg" for a declaration: of type `type`
  std::string type;
  std::vector<PtxOperand> operands; ///< of a declaration: names
  bool guarded = false, negated = false;
  PtxOperand guard;
};

/// The statements in order. Scopes are not nested: a name means the register declared last.
llvm::Expected<std::vector<PtxStatement>> parsePtx(llvm::StringRef text);

} // namespace swamla
