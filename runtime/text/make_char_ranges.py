#!/usr/bin/env python3
"""Writes CharRanges.inc: which code points GPT-2's pattern calls letters, numbers and white space.

Asks the reference itself (`pip install tiktoken`; 0.14.0 has Unicode 16.0, through Rust's regex-syntax), so that a text is
cut where tiktoken cuts it:

    runtime/text/make_char_ranges.py > runtime/text/CharRanges.inc
"""
import tiktoken

CLASSES = [("Letter", r"\p{L}"), ("Number", r"\p{N}"), ("Space", r"\s")]


def code_points(pattern):
    """Yields the code points that a pattern matches: text that it does not match gives no tokens."""
    bytes_only = {bytes([i]): i for i in range(256)}
    encoding = tiktoken.Encoding("bytes", pat_str=pattern, mergeable_ranks=bytes_only, special_tokens={})
    for code in range(0x110000):
        surrogate = 0xD800 <= code < 0xE000
        if not surrogate and encoding.encode_ordinary(chr(code)):
            yield code


def ranges(codes):
    """[(first, last), ...] of ascending numbers."""
    result = []
    for code in codes:
        if result and result[-1][1] == code - 1:
            result[-1][1] = code
        else:
            result.append([code, code])
    return result


def main():
    print("// Made by make_char_ranges.py. Unicode 16.0: general categories L and N, property White_Space.")
    print("// clang-format off")
    for name, pattern in CLASSES:
        print(f"constexpr CharRange k{name}Ranges[] = {{")
        line = " "
        for first, last in ranges(code_points(pattern)):
            item = f" {{{first:#x}, {last:#x}}},"
            if len(line) + len(item) > 120:
                print(line)
                line = " "
            line += item
        print(line)
        print("};")
    print("// clang-format on")


if __name__ == "__main__":
    main()
