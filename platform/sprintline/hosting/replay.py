"""Replay of history: drops files as a provider would and moves the replay's clock; the sensors do the rest."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import click

from sprintline.base.settings import ROOT, Home
from sprintline.hosting.instance import environment, prepare
from sprintline.hosting.servers import STOP_WITHIN
from sprintline.hosting.warm import started
from sprintline.landing.arrivals import survey
from sprintline.landing.events import REFUSED
from sprintline.mechanisms.backlog.intake import given_up
from sprintline.mechanisms.rules.verdicts import Outcome, Severity
from sprintline.product.calendar import Sprint
from sprintline.product.past import closing_of, decision_of, pending_trigger
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    import pandas as pd
    import rich.progress

    Provider = Callable[[Sprint], Mapping[str, pd.DataFrame]]

HISTORY = 6
"""Sprints that land together at the start, as history does when a team begins."""

STALLED_AFTER = 300.0
"""Seconds without a sprint closing after which the replay gives up and says what it waits for."""

PATIENCE, LOOKS_EVERY = 20.0, 5.0
"""Seconds without a sprint closing after which, and in which steps, it is asked whether waiting is of any use."""

UI_PROCESS, REPLAY_PROCESS = "ui.process", "replay.process"
"""File beside the Dagster instance that names the process of an open UI, whose daemon then runs the sensors."""


class ReplayError(RuntimeError):
    """The replay cannot go on; the message says which sprint waits for what."""


def replay(runtime: Runtime, sprints: int, history: int = HISTORY) -> None:
    """Replay the first `sprints` sprints of a product that provides its own history, and show the progress.

    Raises ReplayError when the product provides nothing, when a run fails, or when nothing closes any more.
    """
    provide = getattr(runtime.sources, "provide", None)
    if provide is None:
        raise ReplayError(
            f"{runtime.folder / 'sources.py'} offers no provide(sprint): drop files into landing/ yourself"
        )
    keys = runtime.calendar.keys
    if not 1 <= sprints <= len(keys):
        raise ReplayError(
            f"{runtime.product} plans {len(keys)} sprints, {sprints} were asked for: ask for fewer, or plan on in "
            f"{runtime.folder / 'defs.yaml'} (calendar.planned_until)"
        )
    chosen = keys[:sprints]
    if all(closing_of(runtime, key) for key in chosen) and not any(
        drop(runtime, key, provide) for key in chosen
    ):
        return
    landing = f"{runtime.product}: landing {chosen[0]} to {chosen[min(history, sprints) - 1]}"
    with _progress(landing, sprints) as progress, daemon(runtime) as healthy:
        parts = list(groups(chosen, history))
        for group, following in zip(parts, [*parts[1:], []], strict=True):
            window = runtime.window(group[-1])
            arrival = window.end + _lands_after(runtime)
            if not runtime.clock.replaying or runtime.clock.now() < arrival:
                runtime.clock.move(arrival)
            for key in group:
                drop(runtime, key, provide)
            # What comes next is written while this is being closed, so that no sprint waits for its files.
            ahead = iter(following)

            def prepare_next(ahead: Iterator[str] = ahead) -> None:
                # What a provider cannot give is told when it is that sprint's turn, not while another is closed.
                with contextlib.suppress(Exception):
                    if key := next(ahead, None):
                        stage(runtime, key, provide)

            _await(runtime, chosen, group, progress, healthy, prepare_next)


class Progress(Protocol):
    """What a replay reports to whoever watches it."""

    def doing(self, closed: int, text: str) -> None:
        """What is worked on now, and how many sprints are closed."""

    def sprint_closed(self, text: str, closed: int, seconds: float) -> None:
        """A sprint has closed, so many seconds after its files landed."""


@contextlib.contextmanager
def _progress(landing: str, total: int) -> Iterator[Progress]:
    """A bar on a terminal; elsewhere, in a pipe or a CI log, a line per closed sprint."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        click.echo(landing)
        yield _Lines(total)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as RichProgress

    # Columns in order of their use, so that an eye following the bar sees what is worked on.
    bar = RichProgress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    with bar:
        yield _Bar(bar, bar.add_task(landing, total=total))


class _Bar:
    def __init__(self, bar: rich.progress.Progress, task: rich.progress.TaskID) -> None:
        self._bar, self._task = bar, task

    def doing(self, closed: int, text: str) -> None:
        self._bar.update(self._task, completed=closed, description=text)

    def sprint_closed(self, text: str, closed: int, seconds: float) -> None:
        self._bar.update(self._task, completed=closed)


class _Lines:
    def __init__(self, total: int) -> None:
        self._total = total

    def doing(self, closed: int, text: str) -> None:
        pass

    def sprint_closed(self, text: str, closed: int, seconds: float) -> None:
        click.echo(f"{text} closed ({closed} of {self._total}), {seconds:.0f} s")


def groups(keys: Sequence[str], history: int) -> Iterator[Sequence[str]]:
    """History together, then a sprint at a time."""
    yield keys[:history]
    for key in keys[history:]:
        yield [key]


def stage(runtime: Runtime, key: str, provide: Provider) -> dict[Path, Path]:
    """Write a sprint's files under hidden names, which nobody reads; gives the name each will land under.

    A source whose file has landed already is left out.
    """
    staged: dict[Path, Path] = {}
    todo = [
        s.name
        for s in runtime.spec.sources
        if not any((runtime.home.landing / runtime.product / s.name).glob(f"{key}.*"))
    ]
    frames: Mapping[str, pd.DataFrame] = {}
    for source in todo:
        place = runtime.home.landing / runtime.product / source / f"{key}.csv.gz"
        hidden = place.with_name(f".{place.name}.{os.getpid()}.part")
        staged[hidden] = place
        if hidden.exists():
            continue
        frames = frames or provided(runtime, key, provide)
        place.parent.mkdir(parents=True, exist_ok=True)
        being_written = hidden.with_suffix(".tmp")
        frames[source].to_csv(being_written, index=False, compression={"method": "gzip", "mtime": 0})
        being_written.replace(hidden)
    return staged


def provided(runtime: Runtime, key: str, provide: Provider) -> Mapping[str, pd.DataFrame]:
    """A sprint's frame per source: what a product's own provide() gives, and of other sources their samples' rows.

    Raises:
        ReplayError: provide() gives something else, or a source has neither.
        LookupError: there are no rows of that sprint.
    """
    import pandas as pd

    from sprintline.landing.samples import rows_of, sample_of

    frames: Any = provide(runtime.window(key))
    sources = [source.name for source in runtime.spec.sources]
    if isinstance(frames, Mapping):
        if others := [name for name in sources if name not in frames and sample_of(runtime.folder, name)]:
            frames = {**rows_of(runtime.folder, runtime.window(key), _lands_after(runtime), others), **frames}
        lacking = [name for name in sources if not isinstance(frames.get(name), pd.DataFrame)]
        got = f"no frame of {', '.join(lacking)}" if lacking else ""
    else:
        got = "None" if frames is None else f"a {type(frames).__name__}"
    if got:
        told = ", ".join(f'"{name}": frame' for name in sources)
        raise ReplayError(
            f"{runtime.folder / 'sources.py'}: provide({key}) returned {got}; return {{{told}}}"
        )
    return frames


def _lands_after(runtime: Runtime) -> timedelta:
    from sprintline.landing.samples import LANDS_AFTER

    return getattr(runtime.sources, "LANDS_AFTER", LANDS_AFTER)


def drop(runtime: Runtime, key: str, provide: Provider) -> list[Path]:
    """Put a sprint's files into landing/; a file that is there already stays."""
    staged = stage(runtime, key, provide)
    for hidden, place in staged.items():
        # The provider finished writing a while ago, so nobody need wait for the file to settle.
        written = time.time() - 60
        os.utime(hidden, (written, written))
        hidden.replace(place)
    return list(staged.values())


@contextlib.contextmanager
def daemon(runtime: Runtime) -> Iterator[Callable[[], None]]:
    """A Dagster daemon on this home, stopped again at the end; when `sprintline ui` is open, its daemon does the work.

    Code locations are served by processes of our own, as `dagster dev` does it: a daemon left to itself starts each of
    them anew every minute. Gives a function that raises ReplayError when the daemon cannot close sprints.
    """
    home = runtime.home
    # The code server would parse the dbt models only after all its imports; it finds them parsed, or waits a little.
    parse = [sys.executable, "-W", "ignore", "-c", _PARSE, str(runtime.folder)]
    parsing = subprocess.Popen(
        parse, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    mark = home.dagster / f"{REPLAY_PROCESS}.{os.getpid()}"
    try:
        prepare(home)
        mark.write_text(f"{os.getpid()}@{started(os.getpid())}")
        with contextlib.nullcontext(lambda: None) if ui_is_open(home) else _daemon(runtime) as healthy:
            yield healthy
    finally:
        mark.unlink(missing_ok=True)
        parsing.wait()


_PARSE = """
import sys
from pathlib import Path
from sprintline.product.runtime import load_runtime
load_runtime(Path(sys.argv[1])).warehouse.ensure_manifest()
"""


@contextlib.contextmanager
def _daemon(runtime: Runtime) -> Iterator[Callable[[], None]]:
    home = runtime.home
    with tempfile.TemporaryDirectory(prefix="sprintline-") as folder, tempfile.TemporaryFile() as log:
        locations = _locations()
        sockets = {name: str(Path(folder) / f"{place}.sock") for place, name in enumerate(locations)}
        workspace = Path(folder) / "workspace.yaml"
        served = [
            {"grpc_server": {"socket": socket, "host": "localhost", "location_name": name}}
            for name, socket in sockets.items()
        ]
        workspace.write_text(json.dumps({"load_from": served}))
        commands = [
            ["-W", "ignore", "-m", "dagster", "api", "grpc", "--socket", sockets[name], "--location-name", name,
             "--module-name", module, "--working-directory", str(ROOT / "platform"), "--lazy-load-user-code",
             "--use-python-environment-entry-point"]
            for name, module in locations.items()
        ]  # fmt: skip
        # The daemon tells as a warning that a location does not load.
        warned = ["-W", "ignore", "-W", "default::UserWarning"]
        commands.append([*warned, "-m", "sprintline.hosting.daemon", "run", "-w", str(workspace)])
        holder = subprocess.Popen(
            [sys.executable, "-m", "sprintline.hosting.servers"], cwd=ROOT, env=environment(home), text=True,
            stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        if holder.stdin is None:
            raise ReplayError("the daemon was started without a pipe")
        try:
            holder.stdin.write(json.dumps(commands) + "\n")
            holder.stdin.flush()
            yield lambda: _healthy(holder, runtime.product, log)
        finally:
            stop(holder)


def _healthy(holder: subprocess.Popen[str], product: str, log: IO[bytes]) -> None:
    """Raise ReplayError when the daemon is gone or the product's code location does not load."""
    said = os.pread(log.fileno(), os.fstat(log.fileno()).st_size, 0).decode(errors="replace")
    if holder.poll() is not None:
        raise ReplayError(f"the Dagster daemon stopped:\n{said[-2000:]}")
    for told in said.split("Error loading repository location ")[1:]:
        # A code server that only begins to listen is unreachable for a moment.
        if told.startswith(f"{product}:") and "UserCodeUnreachable" not in told:
            raise ReplayError(f"{product} does not load: `sprintline check {product}` tells where")


def _locations() -> dict[str, str]:
    """Module of each code location of `workspace.yaml`."""
    import yaml

    entries = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    return {
        entry["python_module"]["location_name"]: entry["python_module"]["module_name"] for entry in entries
    }


def ui_is_open(home: Home) -> bool:
    """Whether the process that `sprintline ui` became still runs on this home."""
    return _lives(home.dagster / UI_PROCESS)


def at_work(home: Home) -> str | None:
    """The command that closes sprints on this home just now, if there is one."""
    if ui_is_open(home):
        return "sprintline ui"
    return "sprintline replay" if any(map(_lives, home.dagster.glob(f"{REPLAY_PROCESS}.*"))) else None


def _lives(mark: Path) -> bool:
    """Whether the process that a file names runs; a number alone may have been given to another since."""
    try:
        pid, _, start = mark.read_text().strip().partition("@")
    except FileNotFoundError:
        return False
    return pid.isdigit() and started(int(pid)) == start


def stop(holder: subprocess.Popen[str]) -> None:
    """Let go of what was started, and wait until it is gone."""
    with contextlib.suppress(BrokenPipeError):
        holder.stdin.close()  # type: ignore[union-attr]
    try:
        holder.wait(3 * STOP_WITHIN)
    except subprocess.TimeoutExpired:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()


def _await(
    runtime: Runtime,
    chosen: Sequence[str],
    group: Sequence[str],
    progress: Progress,
    healthy: Callable[[], None],
    meanwhile: Callable[[], object],
) -> None:
    """Wait until every sprint of the group is closed and report progress; `meanwhile` is called again and again."""
    since, before = time.monotonic(), -1
    landed, look_at = since, since + PATIENCE
    open_ = [key for key in group if closing_of(runtime, key) is None]
    closed = sum(closing_of(runtime, key) is not None for key in set(chosen) - set(open_))
    while True:
        healthy()
        for key in list(open_):
            if closing_of(runtime, key) is not None:
                open_.remove(key)
                closed += 1
                progress.sprint_closed(f"{runtime.product} {key}", closed, time.monotonic() - landed)
        if not open_:
            progress.doing(closed, f"{runtime.product}: {group[-1]} closed")
            return
        if closed != before:
            since, before = time.monotonic(), closed
            look_at = since + PATIENCE
        progress.doing(closed, f"{runtime.product}: closing {open_[0]}{_stage(runtime, open_[0])}")
        refused = runtime.records.events(product=runtime.product, kind=REFUSED, sprint=open_[0])
        if refused and time.monotonic() - since > PATIENCE:
            raise ReplayError(
                f"{open_[0]}: {refused[-1].body['source']} was refused: {refused[-1].body['reason']}"
            )
        if time.monotonic() > look_at:
            if why := _hopeless(runtime, open_[0]):
                raise ReplayError(why)
            look_at = time.monotonic() + LOOKS_EVERY
        if time.monotonic() - since > STALLED_AFTER:
            raise ReplayError(_stalled(runtime, open_[0]))
        meanwhile()
        time.sleep(0.5)


def _hopeless(runtime: Runtime, sprint: str) -> str | None:
    """Why waiting for a sprint leads nowhere: its sensor fails, its runs were given up, or no file of it has landed."""
    from sprintline.hosting.runs import failing_sensor, instance_of

    with instance_of(runtime.home) as instance:
        if instance is not None and (why := failing_sensor(instance, runtime.product)):
            return why
    landed, odd = survey(runtime)
    ready = landed.get(sprint)
    missing = [source.name for source in runtime.spec.sources] if ready is None else ready.missing
    if missing:
        lies = f"; in landing/ lies {'; '.join(odd[:3])}" if odd else ""
        return f"{sprint} waits for a file of {', '.join(missing)}{lies}"
    reason = given_up(runtime, sprint, ready.digest) if ready else None
    return f"{reason}{_stopping(runtime, sprint)}" if reason else None


def _stalled(runtime: Runtime, sprint: str) -> str:
    """What keeps a sprint open, as far as its verdicts tell."""
    told = f"{sprint} did not close within {STALLED_AFTER:.0f} s"
    return f"{told}{_stopping(runtime, sprint) or ': look at its run with `make ui`'}"


def _stopping(runtime: Runtime, sprint: str) -> str:
    """The verdicts at which a run of the sprint ends, what failed before what lacks evidence; or nothing."""
    found = runtime.records.verdicts(runtime.product, sprint)
    stopping = [one for one in found if not one.passes and one.severity is Severity.ERROR]
    stopping.sort(key=lambda one: one.outcome is not Outcome.FAIL)
    told = [
        f"; {one.code} on {one.asset}: {one.sentence} (mend: sprintline explain {one.code})"
        for one in stopping[:3]
    ]
    return "".join(told) + (f"; and {len(stopping) - 3} more" if len(stopping) > 3 else "")


def _stage(runtime: Runtime, sprint: str) -> str:
    if decision_of(runtime, sprint) is None and (trigger := pending_trigger(runtime, sprint)):
        return f" (training: {trigger['kind'].replace('_', ' ')})"
    measured = {asset for _, asset in runtime.records.measurements(runtime.product, sprint)}
    for asset, told in (
        ("scores", "drift"),
        ("question_features", "predictions"),
        (runtime.spec.sources[-1].name, "dbt"),
    ):
        if asset in measured:
            return f" ({told})"
    return ""
