"""`sprintline faults`: plant a fault for every rule and see whether its check catches it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sprintline.base import settings
from sprintline.base.errors import Refusal

if TYPE_CHECKING:
    from sprintline.base.terminal import Column
    from sprintline.faults.results import Clean, Measured
    from sprintline.faults.run import Suite
    from sprintline.mechanisms.rules.faults import Fault


@click.command()
@click.argument("codes", nargs=-1, metavar="[CODE]...")
@click.option(
    "--clean",
    "only_clean",
    is_flag=True,
    help="Plant nothing; only count the recorded verdicts of this state folder.",
)
@click.option("--json", "as_json", is_flag=True, help="A list of {code, fault, caught, ...}, for machines.")
@click.option(
    "--write",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the result to this file as well as to the state folder.",
)
def faults(codes: tuple[str, ...], only_clean: bool, as_json: bool, write: Path | None) -> int:
    """Plant each rule's faults in a throw-away product and report which ones its checks caught.

    Takes minutes. The clone is not changed, and its state only by the result, which is stored in the state folder.
    Verdicts on the recorded clean sprints are counted too.
    """
    from sprintline.faults.results import FILE, measured
    from sprintline.faults.run import run
    from sprintline.hosting.starts import ending_on_signals

    chosen = _chosen(codes)
    clean, sprints = clean_sprints(settings.ROOT, settings.home())
    if only_clean:
        _show_clean(
            {code: one for code, one in clean.items() if not codes or code in codes}, sprints, as_json
        )
        return 0
    start = time.monotonic()
    # The throw-away product works in a process of its own, which must end with this one.
    with ending_on_signals():
        suite = run(chosen, lambda said: click.echo(f"{time.monotonic() - start:5.0f} s  {said}", err=True))
    found = measured(suite, clean, sprints)
    if not codes:
        # A part would overwrite the results of the other rules.
        found.save(settings.home().root / FILE)
    if write is not None:
        found.save(write)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in found.rows], indent=2))
    else:
        _show(found, suite)
    return 0 if all(one.caught and one.clean_passes for one in suite.tried) else 1


def _chosen(codes: Iterable[str]) -> list[Fault]:
    from sprintline.faults.catalogue import all_faults
    from sprintline.mechanisms.declaration.located_yaml import suggest
    from sprintline.mechanisms.rules.faults import DONE
    from sprintline.mechanisms.rules.registry import all_rules

    wanted = [code.upper() for code in codes]
    for code in wanted:
        if code not in all_rules() and code != DONE:
            raise Refusal(f"there is no rule {code}; {suggest(code, sorted(all_rules()))}", code=2)
    chosen = [fault for fault in all_faults() if not wanted or fault.code in wanted]
    if not chosen:
        raise Refusal(f"no fault is planted for {', '.join(wanted)}: add one in platform/sprintline/faults/")
    return chosen


def clean_sprints(root: Path, home: settings.Home) -> tuple[dict[str, Clean], dict[str, int]]:
    """Verdicts by rule on every recorded closed sprint, and the number of these sprints by product."""
    from sprintline.faults.results import added, counted
    from sprintline.faults.spec import KnownFailures
    from sprintline.mechanisms.declaration.declarations import read_declared
    from sprintline.mechanisms.ledger.opened import existing_records
    from sprintline.product.events import CLOSED
    from sprintline.product.folders import product_folders

    records = existing_records(home)
    parts, sprints = [], {}
    for folder in product_folders(root) if records else ():
        closed = {event.sprint for event in records.events(product=folder.name, kind=CLOSED)}  # type: ignore[union-attr]
        if not closed:
            continue
        declared = read_declared(KnownFailures, folder, {})
        right = declared.findings if declared else ()
        said = [one for one in records.verdicts(folder.name) if one.sprint in closed]  # type: ignore[union-attr]
        parts.append(counted(said, right))
        sprints[folder.name] = len(closed)
    return added(parts), sprints


def _show(found: Measured, suite: Suite) -> None:
    from sprintline.base.terminal import console, print_rows

    out, lines = console(), []
    for code in dict.fromkeys(row.code for row in found.rows):
        rows = found.of(code)
        first, caught = rows[0], sum(row.caught for row in rows)
        lines.append([
            code, f"{caught} of {len(rows)}", str(first.clean_passes), str(first.false_alarms), str(first.findings),
            str(first.insufficient), f"{sum(row.seconds for row in rows):.1f}",
        ])  # fmt: skip
    print_rows(_figures("caught", *_CLEAN, "seconds"), lines)
    for one in suite.tried:
        if not one.caught:
            out.print(f"MISSED {one.fault.key} ({one.fault.where}): {one.says}", soft_wrap=True, markup=False)
        if not one.clean_passes:
            out.print(f"FALSE ALARM without {one.fault.key}: {one.clean_says}", soft_wrap=True, markup=False)
    total, caught = len(suite.tried), sum(one.caught for one in suite.tried)
    out.print(
        f"{caught} of {total} faults caught (recall {caught / total:.0%}). {_clean_summary(found.sprints)}"
    )


def _show_clean(clean: dict[str, Clean], sprints: dict[str, int], as_json: bool) -> None:
    if as_json:
        click.echo(
            json.dumps([{"code": code, **asdict(one)} for code, one in sorted(clean.items())], indent=2)
        )
        return
    from sprintline.base.terminal import console, print_rows

    if clean:
        print_rows(_figures(*_CLEAN), [
            [code, *map(str, (one.passes, one.false_alarms, one.findings, one.insufficient))]
            for code, one in sorted(clean.items())
        ])  # fmt: skip
    console().print(_clean_summary(sprints))


_CLEAN = ("clean passes", "false alarms", "true findings", "insufficient")


def _figures(*names: str) -> list[Column]:
    from sprintline.base.terminal import Column

    return [Column("code"), *(Column(name, right=True) for name in names)]


def _clean_summary(sprints: object) -> str:
    if not isinstance(sprints, dict) or not sprints:
        return (
            "No closed sprint is recorded here: the clean figures are only those of the runs without a fault."
        )
    counts = ", ".join(f"{count} sprints of {product}" for product, count in sorted(sprints.items()))
    return f"Clean figures: {counts}, and the run without each fault."


COMMANDS = (faults,)
