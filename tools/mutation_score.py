"""The score of a mutmut run by module, and the mutants that survived; ends with 1 below the least score.

python tools/mutation_score.py <folder mutants/> <least percent>
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

# How mutmut tells by pytest's exit code: 0 no one noticed; 33 no test runs the line; 34 skipped; others were noticed.
SURVIVED, UNTESTED, SKIPPED = 0, 33, 34


def main(folder: Path, least: float) -> int:
    """Print the table; 1 when a module of mechanisms/ scores below `least` percent, or none was judged."""
    total = killed = 0
    survivors, below, held = [], [], 0
    print(f"{'module':<40} {'mutants':>8} {'killed':>8} {'score':>7}")
    for file in sorted(folder.rglob("*.py.meta")):
        codes = json.loads(file.read_text())["exit_code_by_key"]
        judged = {name: code for name, code in codes.items() if code is not None and code != SKIPPED}
        if not judged:
            continue
        dead = [name for name, code in judged.items() if code not in (SURVIVED, UNTESTED)]
        survivors += sorted(set(judged) - set(dead))
        total, killed = total + len(judged), killed + len(dead)
        module = file.relative_to(folder).as_posix().removesuffix(".meta")
        print(f"{module:<40} {len(judged):>8} {len(dead):>8} {len(dead) / len(judged):>6.1%}")
        if "/mechanisms/" in module:
            held += 1
            below += [module] if 100 * len(dead) / len(judged) < least else []
    if not held:
        print("no mutant of mechanisms/ was judged: the run did not come to its end", file=sys.stderr)
        return 1
    print(f"{'all':<40} {total:>8} {killed:>8} {killed / total:>6.1%}")
    for name in survivors:
        print(f"survived: {name}")
    if below:
        print(f"below {least:g} %: {', '.join(below)}", file=sys.stderr)
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))
