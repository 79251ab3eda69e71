"""Publish how often the drift verdict is wrong: false alarms in simulated years, faults caught, and the delay.

    python tools/simulate_drift.py                          20 years of 26 sprints, 100 faults of each kind
    python tools/simulate_drift.py --windows 365 --years 1  a year of daily windows

Prints a table, writes JSON with --json FILE, and ends with 1 when the line is not reached.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "platform"))

from sprintline.monitoring import drift_simulation as simulation


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--years", type=int, default=20, help="simulated worlds, a judged year each")
    parser.add_argument(
        "--onsets", type=int, default=5, help="moments in each at which every fault is planted"
    )
    parser.add_argument("--windows", type=int, default=26, help="windows of a year")
    parser.add_argument("--rows", type=int, default=1500, help="rows of a window")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the result to this file")
    asked = parser.parse_args()
    # The reference holds nearly half of a year's windows, as twelve fortnights do.
    setting = simulation.Setting(
        rows=asked.rows, windows=asked.windows, learned=max(asked.windows * 12 // 26, 1)
    )
    result = simulation.simulate(asked.years, asked.onsets, setting, asked.seed)
    missed = simulation.misses(result)
    print(
        f"{result['years']} years of {asked.windows} windows, {asked.rows} rows and 20 features: "
        f"{result['false_alarms_per_year']:.2f} false alarms a year, "
        f"{result['most_false_alarms_in_a_year']} at most; "
        f"{result['drifting_windows']} of {result['windows']} windows drifted for once"
    )
    print(f"{'fault':<40} {'planted':>7} {'caught':>7} {'rate':>6} {'delay in windows':>17}")
    for name, one in result["faults"].items():
        delay = "" if one["mean_delay_windows"] is None else f"{one['mean_delay_windows']:.2f}"
        print(f"{name:<40} {one['planted']:>7} {one['caught']:>7} {one['rate']:>6.0%} {delay:>17}")
    for sentence in missed:
        print(f"short of the line: {sentence}")
    if asked.json:
        fresh = asked.json.with_name(f".{asked.json.name}")
        fresh.write_text(json.dumps({**result, "short_of_the_line": missed}, indent=1) + "\n")
        fresh.replace(asked.json)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
