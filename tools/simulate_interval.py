"""Publish how often the promotion gate's interval is wrong, and how often it sees a gain, in simulated sprints.

    python tools/simulate_interval.py                          300 sprints of each kind, some 3 minutes
    python tools/simulate_interval.py --sprints 1000 --write   more of them, kept in docs/reference/interval.json

Prints a table and ends with 1 when false gains are beyond the limit. `sprintline reference` makes the page of the file.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "platform"))

from sprintline.base.files import atomic_write
from sprintline.base.settings import ROOT
from sprintline.learning import interval_simulation as simulation
from sprintline.learning.reference import FILE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sprints", type=int, default=300, help="simulated sprints of each kind")
    parser.add_argument("--draws", type=int, default=200, help="bootstrap draws, 500 in the gate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"keep the result in docs/reference/{FILE}")
    asked = parser.parse_args()
    result = simulation.simulate(asked.sprints, asked.seed, draws=asked.draws)
    print(f"{'metric':<18} {'days':>4} {'kind':<15} {'type I':>7} {'false gains':>12} {'power':>6}")
    for one in result["cells"]:
        print(
            f"{one['metric']:<18} {one['days']:>4} {simulation.kind(one['spell']):<15} {one['type_i']:>7.1%} "
            f"{one['false_gains']:>12.1%} {one['power']:>6.0%}"
        )
    missed = simulation.misses(result)
    for sentence in missed:
        print(f"beyond the limit: {sentence}")
    if asked.write:
        atomic_write(ROOT / "docs" / "reference" / FILE, json.dumps(result, indent=1) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
