"""Reads a planned module; fails unless its arena is at most FACTOR times the lower bound."""
import re
import sys

text = sys.stdin.read()
peak = int(re.search(r"step\.peak_bytes = (\d+)", text).group(1))
bound = int(re.search(r"step\.max_live_bytes = (\d+)", text).group(1))
factor = float(sys.argv[1])
print(f"arena {peak} bytes, lower bound {bound}: {peak / bound:.4f} of at most {factor}")
sys.exit(0 if bound > 0 and bound <= peak <= factor * bound else 1)
