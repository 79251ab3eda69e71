"""Reports for the terminal: gathered again from the records, of any product and sprint."""

from __future__ import annotations

import difflib
from pathlib import Path

from sprintline.base import settings
from sprintline.base.errors import Refusal, error_text
from sprintline.base.settings import Home
from sprintline.mechanisms.reports.document import Document
from sprintline.mechanisms.reports.report import Per, Report
from sprintline.product.runtime import Runtime, load_runtime

Printed = dict[str, tuple[str | None, Document]]
"""By product: the sprint of a report per sprint, and the document."""


def printed(
    report: Report, folders: list[Path], home: Home, sprint: str | None
) -> tuple[Printed, dict[str, str]]:
    """A report of products, and for each product of which it failed why.

    Raises Refusal for a sprint that no product plans, or that the report has no use for.
    """
    if sprint and report.per is not Per.SPRINT:
        raise Refusal(f"report {report.name} has {report.pages}: leave out the sprint {sprint}", code=2)
    found: Printed = {}
    broken: dict[str, str] = {}
    planned: list[str] = []
    for folder in folders:
        try:
            runtime = load_runtime(folder, home)
            keys = runtime.calendar.keys
            planned += keys
            if sprint and sprint.upper() not in keys:
                continue
            one = _gathered(report, runtime, sprint.upper() if sprint else None)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one product must not hide the others
            broken[folder.name] = error_text(error, settings.ROOT).splitlines()[0]
            continue
        if one:
            found[folder.name] = one
    if sprint and planned and sprint.upper() not in planned:
        near = difflib.get_close_matches(sprint.upper(), planned, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"sprints: {planned[0]} to {planned[-1]}"
        raise Refusal(f"there is no sprint {sprint} in the plan; {hint}", code=2)
    return found, broken


def _gathered(report: Report, runtime: Runtime, sprint: str | None) -> tuple[str | None, Document] | None:
    """The document of the sprint, or of the newest sprint of which there is one."""
    if report.per is not Per.SPRINT:
        document = report.gather(runtime, None)
        return (None, document) if document else None
    for key in [sprint] if sprint else reversed(runtime.calendar.keys):
        if document := report.gather(runtime, key):
            return key, document
    return None
