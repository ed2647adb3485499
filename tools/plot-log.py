#!/usr/bin/env python3
"""Draws the loss curve of a JSON Lines log in the terminal.

    tools/plot-log.py build/quickstart/log.jsonl [--width 72] [--height 16]

'.' is the training loss (mean over a column's steps), 'o' the validation loss.
"""

import argparse
import json
import sys


def read(path):
    """(step, loss) pairs of the training lines, and of the validation lines."""
    train, validation = [], []
    with open(path) as log:
        for number, line in enumerate(log, 1):
            try:
                entry = json.loads(line)
            except ValueError as error:
                sys.exit(f"error: {path}:{number}: not a JSON object: {error}")
            if "loss" in entry and entry.get("event") == "step":
                train.append((entry["step"], entry["loss"]))
            if entry.get("event") == "validation":
                validation.append((entry["step"], entry["loss"]))
    return train, validation


def draw(train, validation, width, height):
    low = min(y for _, y in train + validation)
    high = max(y for _, y in train + validation)
    first, last = train[0][0], max(train[-1][0], train[0][0] + 1)
    span = max(high - low, 1e-9)
    grid = [[" "] * width for _ in range(height)]

    def column(step):
        return min(width - 1, (step - first) * width // (last - first + 1))

    def row(loss):
        return min(height - 1, int((high - loss) / span * (height - 1) + 0.5))

    columns = {}
    for step, loss in train:
        columns.setdefault(column(step), []).append(loss)
    for x, losses in columns.items():
        grid[row(sum(losses) / len(losses))][x] = "."
    for step, loss in validation:
        grid[row(loss)][column(step)] = "o"
    for y, line in enumerate(grid):
        print(f"{high - span * y / (height - 1):8.3f} |{''.join(line).rstrip()}")
    print(" " * 9 + "+" + "-" * width)
    print(f"{'':9} {first:<{width // 2}}{'step ' + str(last):>{width - width // 2}}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log")
    parser.add_argument("--width", type=int, default=72)
    parser.add_argument("--height", type=int, default=16)
    options = parser.parse_args()
    train, validation = read(options.log)
    if not train:
        sys.exit(f"error: {options.log}: no training step in this log")
    draw(train, validation, max(options.width, 10), max(options.height, 4))


if __name__ == "__main__":
    main()
