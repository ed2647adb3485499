//===- PtxText.cpp - the text of inline PTX, taken apart ------------------===//
#include "compiler/Emulator/PtxText.h"

#include "llvm/ADT/StringExtras.h"

namespace swamla {

namespace {
llvm::Error problem(const llvm::Twine &what, llvm::StringRef where) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                 "inline PTX: " + what + " in '" + where.str() + "'");
}

/// Commas that are not inside of brackets.
llvm::SmallVector<llvm::StringRef> splitOperands(llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef> parts;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '{' || text[i] == '[' ? 1 : text[i] == '}' || text[i] == ']' ? -1 : 0;
    if (text[i] == ',' && depth == 0) {
      parts.push_back(text.slice(begin, i).trim());
      begin = i + 1;
    }
  }
  if (llvm::StringRef last = text.substr(begin).trim(); !last.empty())
    parts.push_back(last);
  return parts;
}

llvm::Expected<PtxOperand> parseOperand(llvm::StringRef text) {
  PtxOperand operand;
  llvm::StringRef whole = text;
  if (text.consume_front("{") && text.consume_back("}")) {
    operand.kind = PtxOperand::Kind::List;
    for (llvm::StringRef part : splitOperands(text)) {
      auto parsed = parseOperand(part);
      if (!parsed)
        return parsed.takeError();
      operand.parts.push_back(std::move(*parsed));
    }
    return operand;
  }
  if (text.consume_front("[") && text.consume_back("]")) {
    operand.kind = PtxOperand::Kind::Address;
    auto [base, offset] = text.split('+');
    if (!offset.empty() && offset.trim().getAsInteger(0, operand.number))
      return problem("an address that is not [register+number]", whole);
    auto parsed = parseOperand(base.trim());
    if (!parsed)
      return parsed.takeError();
    operand.parts.push_back(std::move(*parsed));
    return operand;
  }
  if (text == "_")
    return operand;
  if (text.consume_front("$")) {
    operand.kind = PtxOperand::Kind::Argument;
    if (text.consume_front("{"))
      text = text.take_until([](char c) { return c == ':' || c == '}'; });
    if (text.getAsInteger(10, operand.number))
      return problem("an operand that is no number", whole);
    return operand;
  }
  if (text.starts_with("0f") || text.starts_with("0F")) {
    operand.kind = PtxOperand::Kind::Float;
    if (text.drop_front(2).getAsInteger(16, operand.number))
      return problem("a number that is none", whole);
    return operand;
  }
  if (!text.empty() && (llvm::isDigit(text.front()) || text.front() == '-')) {
    operand.kind = PtxOperand::Kind::Integer;
    uint64_t bits = 0;
    if (text.getAsInteger(0, operand.number)) {
      if (text.getAsInteger(0, bits))
        return problem("a number that is none", whole);
      operand.number = int64_t(bits);
    }
    return operand;
  }
  if (text.empty() || !llvm::all_of(text, [](char c) { return llvm::isAlnum(c) || c == '_'; }))
    return problem("an operand that is not understood", whole);
  operand.kind = PtxOperand::Kind::Name;
  operand.name = text.str();
  return operand;
}

llvm::Expected<PtxStatement> parseStatement(llvm::StringRef text) {
  PtxStatement statement;
  if (text.consume_front("@")) {
    statement.guarded = true;
    statement.negated = text.consume_front("!");
    auto [guard, rest] = text.split(' ');
    auto parsed = parseOperand(guard);
    if (!parsed)
      return parsed.takeError();
    statement.guard = std::move(*parsed);
    text = rest.trim();
  }
  auto [opcode, rest] = text.split(' ');
  statement.opcode = opcode.str();
  rest = rest.trim();
  if (opcode == ".reg") {
    auto [type, names] = rest.split(' ');
    statement.type = type.str();
    rest = names.trim();
  }
  for (llvm::StringRef part : splitOperands(rest)) {
    auto parsed = parseOperand(part);
    if (!parsed)
      return parsed.takeError();
    statement.operands.push_back(std::move(*parsed));
  }
  return statement;
}
} // namespace

llvm::Expected<std::vector<PtxStatement>> parsePtx(llvm::StringRef text) {
  std::string flat = text.str();
  for (char &c : flat)
    if (c == '\n' || c == '\t')
      c = ' ';
  std::vector<PtxStatement> statements;
  for (llvm::StringRef rest(flat); !rest.empty();) {
    rest = rest.ltrim();
    while (rest.consume_front("{") || rest.consume_front("}"))
      rest = rest.ltrim();
    if (rest.empty())
      break;
    auto [statement, after] = rest.split(';');
    rest = after;
    auto parsed = parseStatement(statement.trim());
    if (!parsed)
      return parsed.takeError();
    statements.push_back(std::move(*parsed));
  }
  return statements;
}

} // namespace swamla
