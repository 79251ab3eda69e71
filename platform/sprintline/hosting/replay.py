"""Replay of history: drops files as a provider would and moves the replay's clock; the sensors do the rest."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sprintline.base.settings import Home
from sprintline.delivery.retry import failures
from sprintline.hosting import running_code, starts
from sprintline.hosting.failure_news import FailureNews
from sprintline.hosting.instance import environment, prepare
from sprintline.hosting.processes import DAEMON
from sprintline.hosting.progress import Progress, progress_of
from sprintline.hosting.work_done import work_done
from sprintline.landing.arrivals import Landed, arrivals_of
from sprintline.landing.events import REFUSED
from sprintline.mechanisms.backlog.update import given_up
from sprintline.mechanisms.rules.verdicts import Outcome, Severity
from sprintline.product.calendar import Sprint
from sprintline.product.held import contradictions
from sprintline.product.past import closing_of, decision_of, pending_trigger
from sprintline.product.runtime import Runtime
from sprintline.product.tries import ATTEMPTS, Tries

if TYPE_CHECKING:
    import pandas as pd

    Provider = Callable[[Sprint], Mapping[str, pd.DataFrame]]

HISTORY = 6
"""Sprints that land together at the start, as history does when a team begins."""

STALLED_AFTER = 300.0
"""Seconds without a sprint closing or an asset of it being stored, after which the replay gives up and says why."""

PATIENCE, LOOKS_EVERY = 20.0, 5.0
"""Seconds without a sprint closing after which, and in which steps, it is asked whether waiting is of any use."""


class ReplayError(RuntimeError):
    """The replay cannot go on; the message says which sprint waits for what."""


def replay(runtime: Runtime, sprints: int, history: int = HISTORY, asked: Sequence[str] = ()) -> None:
    """Replay the first `sprints` sprints of a product that provides its own history, and show the progress.

    asked: processes that run only on request and are wanted (`--with`).

    Raises:
        ReplayError: the product provides nothing, a run fails, nothing closes any more, or an open UI runs older code.
        StartError: a process that is needed failed.
    """
    provide = getattr(runtime.sources, "provide", None)
    if provide is None and not runtime.spec.landed:
        provide = _nothing
    if provide is None:
        raise ReplayError(
            f"{runtime.folder / 'sources.py'} offers no provide(sprint): drop files into landing/ yourself"
        )
    keys = runtime.calendar.keys
    if not 1 <= sprints <= len(keys):
        raise ReplayError(
            f"{runtime.product} plans {len(keys)} sprints, {sprints} were requested: request fewer, or extend "
            f"`planned_until` in {runtime.folder / 'defs.yaml'} (calendar.planned_until)"
        )
    if found := contradictions(runtime):
        raise ReplayError("; ".join(found))
    chosen = keys[:sprints]
    ui = starts.open_ui(runtime.home)
    changed = running_code.changed(ui.folder, runtime.product) if ui else []
    landed = arrivals_of(runtime)[0]
    if all(_closed(runtime, key, landed) and not _to_land(runtime, key) for key in chosen):
        for sentence in _nothing_to_do(runtime, chosen, changed):
            click.echo(sentence)
        return
    if ui:
        if changed:
            raise ReplayError(f"{_older(changed)}, then call the replay again")
        if asked:
            raise ReplayError(
                f"--with {asked[0]}: `sprintline ui` is open and this replay starts no process; "
                f"give it there: sprintline ui --with {asked[0]}"
            )
        click.echo("`sprintline ui` is open on this state folder; its daemon closes the sprints")
    landing = f"{runtime.product}: landing {chosen[0]} to {chosen[min(history, sprints) - 1]}"
    with progress_of(landing, sprints) as progress, daemon(runtime, asked) as healthy:
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
                # What a provider cannot give is reported when it is that sprint's turn, not while another is closed.
                with contextlib.suppress(Exception):
                    if key := next(ahead, None):
                        stage(runtime, key, provide)

            _await(runtime, chosen, group, progress, healthy, prepare_next)


def _nothing(_: Sprint) -> Mapping[str, pd.DataFrame]:
    """What lands for a product all of whose sources are published by others."""
    return {}


def groups(keys: Sequence[str], history: int) -> Iterator[Sequence[str]]:
    """History together, then a sprint at a time."""
    yield keys[:history]
    for key in keys[history:]:
        yield [key]


def _older(changed: Sequence[str]) -> str:
    """The sentence for a replay whose code is newer than that of the open UI."""
    files = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    return (
        f"`sprintline ui` is open and was started before {files} changed, so its daemon would close sprints with older "
        "code: end it with Ctrl-C and start `sprintline ui` again"
    )


def _nothing_to_do(runtime: Runtime, chosen: Sequence[str], changed: Sequence[str]) -> Iterator[str]:
    """What a replay says that finds every sprint closed, and what may be expected of it all the same."""
    yield f"{runtime.product}: all {len(chosen)} sprints are closed; nothing was replayed"
    yield (
        "A closed sprint is closed again when a file of it changes, not when code does: to compute it with changed "
        "code, materialize it in `sprintline ui`"
    )
    for key, failure in failures(runtime).items():
        yield f"{key}: {failure}"
    if changed:
        yield _older(changed)


def _to_land(runtime: Runtime, key: str) -> list[str]:
    """Sources of which no file of the sprint has landed."""
    rooms = {
        source.name: runtime.home.landing / runtime.product / source.name for source in runtime.spec.landed
    }
    return [name for name, room in rooms.items() if not any(room.glob(f"{key}.*"))]


def stage(runtime: Runtime, key: str, provide: Provider) -> dict[Path, Path]:
    """Write a sprint's files under hidden names, which no one reads; gives the name each will land under.

    A source whose file has landed already is left out.
    """
    staged: dict[Path, Path] = {}
    frames: Mapping[str, pd.DataFrame] = {}
    for source in _to_land(runtime, key):
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
    sources = [source.name for source in runtime.spec.landed]
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
        # The provider finished writing a while ago, so no one need wait for the file to settle.
        written = time.time() - 60
        os.utime(hidden, (written, written))
        hidden.replace(place)
    return list(staged.values())


@contextlib.contextmanager
def daemon(runtime: Runtime, asked: Collection[str] = ()) -> Iterator[Callable[[], None]]:
    """A Dagster daemon on this home, stopped again at the end; when `sprintline ui` is open, its daemon does the work.

    Code locations are served by processes of our own, as `dagster dev` does it: a daemon left to itself starts each of
    them again every minute. Gives a function that raises when the daemon cannot close sprints.
    """
    home = runtime.home
    # The code server would parse the dbt models only after all its imports; it finds them parsed, or waits a little.
    parse = [sys.executable, "-W", "ignore", "-c", _PARSE, str(runtime.folder)]
    parsing = subprocess.Popen(
        parse, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        prepare(home)
        with starts.mark(home, "replay") as folder:
            if starts.open_ui(home):
                yield lambda: _still_open(home)
                return
            with starts.platform(home, "replay", folder, asked) as running:
                yield lambda: _healthy(running, runtime.product)
    finally:
        parsing.wait()


_PARSE = """
import sys
from pathlib import Path
from sprintline.product.runtime import load_runtime
from sprintline.warehouse.dbt import Warehouse
load_runtime(Path(sys.argv[1]))[Warehouse].ensure_manifest()
"""


def _still_open(home: Home) -> None:
    if starts.open_ui(home) is None:
        raise ReplayError(
            "`sprintline ui`, whose daemon closed the sprints, has ended: start the replay again"
        )


def _healthy(running: starts.Running, product: str) -> None:
    """Raise StartError when a process is gone, ReplayError when the product's code location does not load."""
    running.check()
    log = running.start.log(DAEMON)
    said = log.read_text(errors="replace") if log.exists() else ""
    for told in said.split("Error loading repository location ")[1:]:
        # A code server that only begins to listen is unreachable for a moment.
        if told.startswith(f"{product}:") and "UserCodeUnreachable" not in told:
            raise ReplayError(f"{product} does not load: `sprintline check {product}` shows where")


def _await(
    runtime: Runtime,
    chosen: Sequence[str],
    group: Sequence[str],
    progress: Progress,
    healthy: Callable[[], None],
    meanwhile: Callable[[], object],
) -> None:
    """Wait until every sprint of the group is closed and report progress; `meanwhile` is called again and again."""
    since, before, news = time.monotonic(), None, FailureNews(runtime.home)
    landed, look_at = since, since + PATIENCE
    files = arrivals_of(runtime)[0]
    open_ = [key for key in group if not _closed(runtime, key, files)]
    closed = sum(closing_of(runtime, key) is not None for key in set(chosen) - set(open_))
    while True:
        healthy()
        for key in list(open_):
            if _closed(runtime, key, files):
                open_.remove(key)
                closed += 1
                progress.sprint_closed(f"{runtime.product} {key}", closed, time.monotonic() - landed)
        if not open_:
            progress.doing(closed, f"{runtime.product}: {group[-1]} closed")
            return
        now = (closed, work_done(runtime, open_[0]))
        if now != before:
            since, before = time.monotonic(), now
            look_at = since + PATIENCE
        progress.doing(closed, f"{runtime.product}: closing {open_[0]}{_stage(runtime, open_[0])}")
        refused = runtime.records.events(product=runtime.product, kind=REFUSED, sprint=open_[0])
        if refused and time.monotonic() - since > PATIENCE:
            raise ReplayError(
                f"{open_[0]}: {refused[-1].body['source']} was refused: {refused[-1].body['reason']}"
            )
        for line in news.lines():
            progress.said(line)
            # The third failure gives the sprint up, with the next tick of its sensor.
            look_at = min(look_at, time.monotonic() + LOOKS_EVERY)
        if time.monotonic() > look_at:
            if why := _hopeless(runtime, open_[0]):
                raise ReplayError(why)
            look_at = time.monotonic() + LOOKS_EVERY
        if time.monotonic() - since > STALLED_AFTER:
            raise ReplayError(_stalled(runtime, open_[0]))
        meanwhile()
        time.sleep(0.5)


def _closed(runtime: Runtime, key: str, landed: Mapping[str, Landed]) -> bool:
    """Whether a sprint is closed on the files that have landed; one with other files is closed again."""
    closed, ready = closing_of(runtime, key), landed.get(key)
    return closed is not None and (ready is None or ready.adds_nothing_to(closed["files"]))


def _hopeless(runtime: Runtime, sprint: str) -> str | None:
    """Why waiting for a sprint leads nowhere: its sensor fails, its runs were given up, or no file of it has landed."""
    from sprintline.hosting.runs import failing_sensor, instance_of

    with instance_of(runtime.home) as instance:
        if instance is not None and (why := failing_sensor(instance, runtime.product)):
            return why
    landed, odd = arrivals_of(runtime)
    ready = landed.get(sprint)
    missing = [source.name for source in runtime.spec.landed] if ready is None else ready.missing
    if ready and ready.waits:
        return f"{sprint} waits {ready.waits[0]}"
    if missing:
        lies = f"; in landing/ lies {'; '.join(odd[:3])}" if odd else ""
        return f"{sprint} waits for a file of {', '.join(missing)}{lies}"
    now = Tries(runtime).of(sprint)
    reason = given_up(runtime, sprint, f"{ready.digest}:{now}", f"retraining:{now}") if ready else None
    return f"{reason}{_stopping(runtime, sprint)}" if reason else None


def _stalled(runtime: Runtime, sprint: str) -> str:
    """What keeps a sprint open, as far as its verdicts tell."""
    told = f"{sprint} did not close: nothing of it was computed for {STALLED_AFTER:.0f} s"
    if failure := failures(runtime).get(sprint):
        return f"{told}: {failure}"
    return f"{told}{_stopping(runtime, sprint) or ': look at its run with `make ui`'}"


def _stopping(runtime: Runtime, sprint: str) -> str:
    """The verdicts at which a run of the sprint ends, what failed before what lacks evidence; or nothing."""
    found = runtime.records.verdicts(runtime.product, sprint)
    stopping = [one for one in found if not one.passes and one.severity is Severity.ERROR]
    stopping.sort(key=lambda one: one.outcome is not Outcome.FAIL)
    told = [
        f"; {one.code} on {one.asset}: {one.sentence} (fix: sprintline explain {one.code})"
        for one in stopping[:3]
    ]
    return "".join(told) + (f"; and {len(stopping) - 3} more" if len(stopping) > 3 else "")


def _stage(runtime: Runtime, sprint: str) -> str:
    if failure := failures(runtime).get(sprint):
        return f" (failed {failure.times} of {ATTEMPTS} times)"
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
