"""What is wrong with the product itself: its name, calendar, Python files and code location."""

from __future__ import annotations

from collections.abc import Iterator

from sprintline.product.bounds import moved_calendar
from sprintline.product.calendar import Calendar, CalendarError
from sprintline.product.checked import ALWAYS, Check, Checked
from sprintline.product.held import Held, contradictions
from sprintline.product.runtime import Runtime


def _python(product: Checked) -> Iterator[str]:
    for name, why in (
        ("definitions.py", "Dagster loads the product from it"),
        ("model.py", "it contains the model's recipe"),
    ):
        if not (product.folder / name).is_file():
            yield f"{product.shown(product.folder / name)}:1: is missing; {why}"
    for file in sorted(product.folder.rglob("*.py")):
        if (mistake := product.syntax(file)) is not None:
            yield mistake


def _workspace(product: Checked) -> Iterator[str]:
    file = product.root / "workspace.yaml"
    if not file.is_file():
        yield "workspace.yaml:1: is missing; the UI and the daemon find the products in it"
    elif f"products.{product.product}.definitions" not in file.read_text(encoding="utf-8"):
        yield (
            f"workspace.yaml:1: does not name products.{product.product}.definitions; add a code location for it"
        )


def _name_and_calendar(product: Checked) -> Iterator[str]:
    if product.spec is None:
        return
    file = product.folder / "defs.yaml"
    if product.spec.name != product.product:
        place = f"{product.shown(file)}:{product.line(file, ('attributes', 'name'))}: attributes.name"
        yield f'{place}: "{product.spec.name}" is not the name of the folder; write {product.product}'
    try:
        Calendar.from_spec(product.spec.calendar)
    except CalendarError as error:
        place = f"{product.shown(file)}:{product.line(file, ('attributes', 'calendar'))}: attributes.calendar"
        yield f"{place}: {error}"


def _held(product: Checked) -> Iterator[str]:
    """What no longer fits closed sprints or the live model, where there is a state folder."""
    if product.spec is not None and product.sprints is not None:
        yield from contradictions(Runtime(product.spec, product.folder, product.home))


CHECKS = (
    Check(10, _python, ALWAYS),
    Check(11, _workspace, ALWAYS),
    Check(20, _name_and_calendar),
    Check(96, _held),
)

HELD = (Held(lambda runtime, quick: moved_calendar(runtime)),)
