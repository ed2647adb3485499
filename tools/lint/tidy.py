#!/usr/bin/env python3
"""clang-tidy 22 over the runtime and the compiler; needs a build folder in which everything is built (default: build).

    tidy.py [FOLDER]

Reading the headers takes most of clang-tidy's time, so files that are compiled alike are read one after the other as if they were one. Where something is
found, or their names do not go together (two have a static function of one name, say), the lot is halved until single files are left: what is reported is
what is found in a file alone. Files with using-declarations always are alone, because another's use of the name would hide that one is unused.
"""
import collections
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOT = 20  # files read together at most: more save little, and there are cores to keep busy
FEW = 5  # a folder's files are joined by those of other folders if they are no more than this
TIDY = ["clang-tidy-22", "--quiet", "--warnings-as-errors=*", f"--config-file={ROOT}/.clang-tidy"]


def compile_commands(build):
    """The command that compiles each file, without what names its input and outputs."""
    commands = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words, kept = iter(shlex.split(entry["command"])), []
        for word in words:
            if word in ("-c", "-o", "-MT", "-MF"):
                next(words)
            elif word != "-MD":
                kept.append(word)
        commands[entry["file"]] = (entry["directory"], tuple(kept))
    return commands


def lots(commands):
    """Files that are likely to go together: with the same command and the same using-directives, and of one folder if it has enough."""
    folders, groups = collections.defaultdict(list), collections.defaultdict(list)
    for name in subprocess.run(["git", "ls-files", "*.cpp"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split():
        path = ROOT / name
        if name.startswith("tests/"):
            continue
        if str(path) not in commands:  # a library is missing
            print(f"not compiled here: {name}", file=sys.stderr)
            continue
        text = path.read_text()
        if re.search(r"(?m)^using [\w:]+::\w+;", text):
            yield commands[str(path)], [path]
            continue
        directives = tuple(sorted(set(re.findall(r"(?m)^using namespace .*;", text))))
        folders[commands[str(path)], directives, path.parent].append(path)
    for (command, directives, folder), files in folders.items():
        groups[command, directives, folder if len(files) > FEW else None] += files
    for (command, _, _), files in groups.items():
        for i in range(0, len(files), LOT):
            yield command, files[i : i + LOT]


def check(command, files):
    """What clang-tidy says about these files, "" if nothing."""
    directory, words = command
    with tempfile.TemporaryDirectory() as folder:
        together = Path(folder) / "together.cpp"
        together.write_text("\n".join(file.read_text() for file in files))
        source = together if len(files) > 1 else files[0]
        entry = {"directory": directory, "file": str(source), "arguments": [*words, "-c", str(source)]}
        (Path(folder) / "compile_commands.json").write_text(json.dumps([entry]))
        done = subprocess.run([*TIDY, "-p", folder, source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode == 0:
        return ""
    if len(files) > 1:
        half = len(files) // 2
        return check(command, files[:half]) + check(command, files[half:])
    return done.stdout or done.stderr or f"{files}: clang-tidy has failed with {done.returncode}\n"


def main():
    build = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()
    found = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        work = sorted(lots(compile_commands(build)), key=lambda lot: -len(lot[1]))
        for said in pool.map(lambda lot: check(*lot), work):
            print(said, end="", flush=True)
            found += bool(said)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
