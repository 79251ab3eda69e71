"""The benchmark: what closing sprints costs, side by side with a plain script, in one run on one machine.

`make bench` replays a year through sensors and daemon on a state folder of its own and reads Dagster's event log for
what each run and step took; before, between and after it runs the baselines, so that the noise of the machine shows.
Writes figures as JSON and a page with a plot. It asserts nothing: bounds are reported beside what was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "docs" / "benchmarks"
PRODUCT = "flight_delays"
STAGES = {
    "raw": ("departures", "arrivals", "weather"),
    "dbt": ("dbt",),
    "features": (
        "carrier_delays", "destination_delays", "flight_number_delays", "origin_delays", "origin_weather",
        "route_delays", "question_features",
    ),
    "online": ("online_features",),
    "predictions and scores": ("predictions", "scores"),
    "drift": ("drift",),
    "candidate and decision": ("promotion",),
    "increment and backlog": ("increment", "backlog"),
}  # fmt: skip
UP_TO_FEATURES = ("raw", "dbt", "features")
MANY_SPRINTS = 7
"""As far as the first that trains and the first that is predicted."""


def main() -> None:
    """Measure, and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sprints", type=int, default=26)
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of the short measurements")
    parser.add_argument(
        "--times", type=int, default=10, help="flights a sprint, as a multiple; 1 leaves that part out"
    )
    parser.add_argument("--out", type=Path, default=OUT)
    chosen = parser.parse_args()
    found: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()},
        "plain": [plain() for _ in range(chosen.rounds)],
        "import": imports(chosen.rounds),
    }
    with tempfile.TemporaryDirectory(prefix="sprintline-bench-") as folder:
        found["year"] = replay(ROOT, Path(folder) / "year", chosen.sprints)
        found["floor"] = floor(Path(folder) / "year")
        found["plain"] += [plain() for _ in range(chosen.rounds)]
        if chosen.times > 1:
            found["many"] = many(Path(folder), chosen.times)
    found["machine"]["load after"] = os.getloadavg()
    found["figures"] = figures(found)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "bench.json").write_text(json.dumps(found, indent=1) + "\n")
    (chosen.out / "README.md").write_text(page(found))
    (chosen.out / "closing.svg").write_text(plot(found["year"]["runs"]))
    print(table(found["figures"]))


# --- the baselines --------------------------------------------------------------------------------------------------


def plain() -> dict[str, float]:
    """One run of the plain script."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(__file__).with_name("plain.py"))],
        capture_output=True, text=True, check=True, env=environment(ROOT, None),
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def imports(rounds: int) -> dict[str, list[float]]:
    """Seconds to load the product's code location and to import dagster_dbt, in turns."""
    code = {
        "import dagster_dbt": "import dagster_dbt",
        "code location": f"import products.{PRODUCT}.definitions as d; d.defs",
    }
    taken: dict[str, list[float]] = {name: [] for name in code}
    with tempfile.TemporaryDirectory() as home:
        env = environment(ROOT, Path(home))
        # dbt parses once per change of a file, which is not what loading costs from then on.
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code["code location"]],
            check=True,
            env=env,
            capture_output=True,
        )
        for _ in range(rounds):
            for name, text in code.items():
                begun = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-W", "ignore", "-c", text], check=True, env=env, capture_output=True
                )
                taken[name].append(time.perf_counter() - begun)
    return taken


def floor(home: Path) -> dict[str, dict[str, float]]:
    """Seconds of the newest sprint's parts with no platform around them, and of all sprints at once (`floor.py`)."""
    script = Path(__file__).with_name("floor.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)],
        check=True, env=environment(ROOT, home), capture_output=True, text=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


# --- the replay ------------------------------------------------------------------------------------------------------


def replay(clone: Path, home: Path, sprints: int) -> dict[str, Any]:
    """Sprints through sensors and daemon from nothing: seconds in all, per run and step; memory of each process."""
    home.mkdir(parents=True)
    begun = time.perf_counter()
    with watching(home) as peaks:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "sprintline.cli.main", "replay", PRODUCT, "--sprints", str(sprints)],
            env=environment(clone, home), cwd=clone, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(
            f"the replay ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )
    again = time.perf_counter()
    return {
        "seconds": again - begun,
        "sprints": sprints,
        "peak_mib": {name: round(kib / 1024) for name, kib in sorted(peaks.items(), key=lambda one: -one[1])},
        "runs": runs(home),
    }


def many(folder: Path, times: int) -> dict[str, Any]:
    """Sprints with the flights as they are, and with so many times as many, each in a clone of its own."""
    found: dict[str, Any] = {"times": times}
    for name, factor in (("once", 1), ("many", times)):
        clone = folder / name
        skip = shutil.ignore_patterns("__pycache__", "target", "logs", "*.egg-info")
        for part in ("platform", "dbt_project", "feature_repo"):
            shutil.copytree(ROOT / part, clone / part, ignore=skip)
        for part in ("workspace.yaml", "pyproject.toml", "requirements.lock"):
            shutil.copy(ROOT / part, clone / part)
        product = clone / "platform" / "products" / PRODUCT
        with (product / "sources.py").open("a") as sources:
            sources.write(MULTIPLIED.format(times=factor))
        for contract in (product / "contracts").glob("*.yaml"):
            text = contract.read_text()
            # Flights that are distinguished by their number, of which there are as many more.
            text = text.replace("maximum: 9999", "maximum: 999999")
            contract.write_text(re.sub(r"mustBeBetween: \[\d+, \d+\]", "mustBeBetween: [1, 1000000]", text))
        found[name] = replay(clone, folder / f"{name}-home", MANY_SPRINTS)
    return found


MULTIPLIED = """

_provided = provide


def provide(sprint: Window) -> dict[str, pd.DataFrame]:
    dropped = _provided(sprint)
    for name in ("departures", "arrivals"):
        once = dropped[name]
        dropped[name] = pd.concat([once.assign(flight=once["flight"] + 10000 * i) for i in range({times})])
    return dropped
"""


def environment(clone: Path, home: Path | None) -> dict[str, str]:
    """Of a process that works on a clone and a state folder."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SPRINTLINE_", "DAGSTER_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    place = {"SPRINTLINE_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")} if home else {}
    return kept | {"PYTHONPATH": str(clone / "platform")} | place


@contextmanager
def watching(home: Path) -> Iterator[dict[str, int]]:
    """The largest resident size (KiB) that a process of each kind on this state folder ever had."""
    peaks: dict[str, int] = {}
    stop, mark = threading.Event(), f"SPRINTLINE_HOME={home}".encode()

    def watch() -> None:
        while not stop.wait(0.5):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    if mark not in (folder / "environ").read_bytes().split(b"\0"):
                        continue
                    words = (folder / "cmdline").read_bytes().split(b"\0")
                    status = (folder / "status").read_text()
                except OSError:
                    continue
                kind = next((w.decode() for w in words if w.startswith((b"sprintline.", b"api"))), "other")
                peak = int(status.split("VmHWM:")[1].split()[0]) if "VmHWM:" in status else 0
                peaks[kind] = max(peaks.get(kind, 0), peak)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        stop.set()
        thread.join()


def runs(home: Path) -> list[dict[str, Any]]:
    """Every run of an instance in order: job, sprint, seconds from its start to its end, seconds of each step."""
    history = home / "dagster" / "history"
    with sqlite3.connect(history / "runs.db") as index:
        rows = index.execute(
            "select run_id, pipeline_name, partition, status, start_time, end_time from runs order by start_time"
        ).fetchall()
    found = []
    for run, job, sprint, status, start, end in rows:
        with sqlite3.connect(history / "runs" / f"{run}.db") as log:
            events = log.execute(
                "select dagster_event_type, step_key, timestamp from event_logs "
                "where dagster_event_type in ('STEP_START', 'STEP_SUCCESS') order by id"
            ).fetchall()
        begun: dict[str, float] = {}
        steps: dict[str, float] = {}
        first = None
        for kind, step, at in events:
            moment = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
            first = first or moment
            if kind == "STEP_START":
                begun[step] = moment
            else:
                steps[step.removeprefix(f"{PRODUCT}__")] = moment - begun[step]
        found.append(
            {
                "job": job.removeprefix(f"{PRODUCT}_"), "sprint": sprint, "status": status,
                "seconds": end - start, "start-up": (first or start) - start, "steps": steps,
            }
        )  # fmt: skip
    return found


# --- what it says ----------------------------------------------------------------------------------------------------


def by_stage(run: dict[str, Any]) -> dict[str, float]:
    """Seconds of a run by stage of the asset graph; checks that are steps of their own, and what is left."""
    steps, told = dict(run["steps"]), {"start-up": run["start-up"]}
    for stage, names in STAGES.items():
        told[stage] = sum(steps.pop(name, 0.0) for name in names)
    told["checks"] = sum(steps.values())
    told["between steps"] = run["seconds"] - sum(told.values())
    return told


def figures(found: dict[str, Any]) -> list[dict[str, Any]]:
    """What was measured beside what was asked for."""
    every = [one for one in found["year"]["runs"] if one["status"] == "SUCCESS"]
    closings = [one for one in every if one["job"] == "closing"]
    trained = [one for one in closings if one["steps"].get("promotion", 0) > 5]
    # Sprints before the bootstrap issue no predictions and measure no drift: they are no whole closings.
    whole = [one for one in closings if one not in trained and one["steps"].get("drift", 0) > 0.3]
    once = statistics.median(sum(v for k, v in one.items() if k != "rows") for one in found["plain"])
    history = sum(sum(by_stage(one)[stage] for stage in UP_TO_FEATURES) for one in closings)
    taken = {name: statistics.median(seconds) for name, seconds in found["import"].items()}
    by_sprint = {one["sprint"]: one["seconds"] for one in whole}
    order = sorted(by_sprint)
    told = [
        ("closing a sprint, no training (median, s)", median(whole), 15),
        ("closing a sprint with training (median, s)", median(trained), 25),
        ("the year as far as features (s)", history, 4 * once),
        ("the year through sensors and daemon (s)", found["year"]["seconds"], 600),
        ("largest process (MiB)", max(found["year"]["peak_mib"].values()), 1536),
        ("last closings against first (ratio of medians of three)", growth(by_sprint, order), 1.3),
        ("loading a code location against import dagster_dbt (ratio)",
         taken["code location"] / taken["import dagster_dbt"], 1.2),
    ]  # fmt: skip
    if "many" in found:
        small, large = (up_to_features(found["many"][name]) for name in ("once", "many"))
        told += [
            (
                f"{found['many']['times']} times the flights: seconds against once",
                large / small,
                found["many"]["times"],
            ),
            ("largest process then (MiB)", max(found["many"]["many"]["peak_mib"].values()), 4096),
        ]
    return [
        {"figure": name, "measured": None if value is None else round(value, 2), "bound": round(bound, 2)}
        for name, value, bound in told
    ]


def median(of: list[dict[str, Any]]) -> float | None:
    """Median seconds of runs; None when there are none."""
    return statistics.median(one["seconds"] for one in of) if of else None


def growth(by_sprint: dict[str, float], order: list[str]) -> float | None:
    """The last three closings over the first three, so that one slow moment does not decide."""
    if len(order) < 6:
        return None
    return statistics.median(by_sprint[k] for k in order[-3:]) / statistics.median(
        by_sprint[k] for k in order[:3]
    )


def up_to_features(replayed: dict[str, Any]) -> float:
    """Seconds of the last run's steps as far as features."""
    return sum(by_stage(replayed["runs"][-1])[stage] for stage in UP_TO_FEATURES)


def table(told: list[dict[str, Any]]) -> str:
    """Figures as Markdown."""
    lines = ["| figure | measured | bound | |", "|---|---:|---:|---|"]
    for one in told:
        met = (
            "no data"
            if one["measured"] is None
            else "met"
            if one["measured"] <= one["bound"]
            else "**not met**"
        )
        lines.append(f"| {one['figure']} | {one['measured']} | {one['bound']} | {met} |")
    return "\n".join(lines)


def page(found: dict[str, Any]) -> str:
    """The page of the benchmark."""
    closings = [
        one for one in found["year"]["runs"] if one["job"] == "closing" and one["status"] == "SUCCESS"
    ]
    calm = [
        one
        for one in closings
        if one["steps"].get("promotion", 0) <= 5 and one["steps"].get("drift", 0) > 0.3
    ]
    parts = [by_stage(one) for one in calm]
    where = "\n".join(
        f"| {stage} | {statistics.median(one[stage] for one in parts):.2f} |"
        for stage in (parts[0] if parts else ())
    )
    totals = [sum(v for k, v in one.items() if k != "rows") for one in found["plain"]]
    memory = ", ".join(f"{name} {mib:,} MiB" for name, mib in list(found["year"]["peak_mib"].items())[:5])
    lowest, whole = sum(found["floor"]["seconds"].values()), found["floor"]["at once"]
    bare = ", ".join(f"{part} {seconds:.2f} s" for part, seconds in found["floor"]["seconds"].items())
    above = statistics.median(sum(one[stage] for stage in UP_TO_FEATURES) for one in parts) if parts else 0
    machine = found["machine"]
    load = f"load {machine['load'][0]:.1f} before and {machine['load after'][0]:.1f} after"
    return f"""# Benchmark

Written by `make bench`; not a test. {found["at"]}, {machine["cores"]} cores, Python {machine["python"]}, {load}.
The plain script (`tests/benchmarks/plain.py`) as far as features: median {statistics.median(totals):.1f} s of
{len(totals)} runs, {min(totals):.1f} to {max(totals):.1f}, half before the replay and half after: that is the noise.

{table(found["figures"])}

"The year as far as features" adds up the steps raw, dbt and features of every closing: history that lands together is
closed sprint by sprint, with every check.

The floor (`tests/benchmarks/floor.py`): the newest sprint's files, models, view queries and point-in-time join alone,
without contracts, tests, checks, hashes, versions and events, take {lowest:.2f} s ({bare}); as far as
features a closing takes {above:.2f} s, {above / lowest:.1f} times that. A year of {found["year"]["sprints"]} sprints at
the floor would take {lowest * found["year"]["sprints"]:.0f} s: the plain script asks three windows of one frame, the
product's views ask some fifty, each hour of the year and for every flight number, and keep what they answered. Asked
once for all sprints together, without any platform, the views' queries alone take {whole["views"]:.1f} s and the
join {whole["join"]:.1f} s: with these features, loading history in bulk would not meet the bound either.

## Where a closing's seconds go

Medians of {len(calm)} closings without training.

| part | seconds |
|---|---:|
{where}

![Seconds of each closing, by part](closing.svg)

Largest resident size by process: {memory}.
"""


def plot(every: list[dict[str, Any]]) -> str:
    """A stacked bar for each closing, as SVG."""
    import io

    import matplotlib as mpl
    from matplotlib.figure import Figure

    closings = [one for one in every if one["job"] == "closing" and one["status"] == "SUCCESS"]
    parts = [by_stage(one) for one in closings]
    figure = Figure(figsize=(9, 3.6))
    axes = figure.add_subplot()
    below = [0.0] * len(parts)
    for stage in parts[0] if parts else ():
        heights = [max(one[stage], 0.0) for one in parts]
        axes.bar([one["sprint"][-3:] for one in closings], heights, bottom=below, label=stage)
        below = [a + b for a, b in zip(below, heights, strict=True)]
    axes.set_ylabel("seconds")
    axes.tick_params(axis="x", labelrotation=90, labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=7, ncols=2, frameon=False)
    figure.subplots_adjust(0.07, 0.16, 0.99, 0.97)
    target = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "sprintline"}):
        figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue().decode()


if __name__ == "__main__":
    main()
