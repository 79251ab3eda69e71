"""Publish how large a fault of a source has to be to be found, and how often one is found that is not there.

    python tools/simulate_profiles.py           some 5 minutes
    python tools/simulate_profiles.py --write   kept in docs/reference/profiles.json

Prints a table and ends with 1 when too much is found that is not there. `sprintline reference` makes the page of the
file.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "platform"))

from sprintline.base.files import atomic_write
from sprintline.base.settings import ROOT
from sprintline.profiles import simulation
from sprintline.profiles.reference import FILE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--products", type=int, default=60, help="invented sources without a fault")
    parser.add_argument("--trials", type=int, default=20, help="faults of each kind, size and history")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"keep the result in docs/reference/{FILE}")
    asked = parser.parse_args()
    result = simulation.simulate(asked.products, asked.trials, asked.seed)
    for cell in result["cells"]:
        told = "  ".join(f"{size:g}: {share:.0%}" for size, share in cell["power"])
        print(f"{cell['kind']:<36} {cell['sprints']:>3} sprints  {told}")
    for history, (found, judged) in result["false"].items():
        print(f"clean, {history} sprints or more: {found} of {judged} have a finding")
    missed = simulation.misses(result)
    for sentence in missed:
        print(f"beyond the limit: {sentence}")
    if asked.write:
        atomic_write(ROOT / "docs" / "reference" / FILE, json.dumps(result, indent=1) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
