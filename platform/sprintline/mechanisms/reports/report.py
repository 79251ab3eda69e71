"""Reports by name. A subject registers its reports as `REPORTS` in its `pages.py`; nothing else lists them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from sprintline.mechanisms.registry import modules
from sprintline.mechanisms.reports.document import Document


class ReportError(ValueError):
    """A report that is registered wrongly, or that there is not."""


class Per(StrEnum):
    """What one page of a report is about.

    SITE: one page with every product's document. PRODUCT: a page per product. SPRINT: a page per sprint of a product.
    """

    SITE = "site"
    PRODUCT = "product"
    SPRINT = "sprint"


_PATHS = {
    Per.SITE: "{report}.html",
    Per.PRODUCT: "{product}/{report}.html",
    Per.SPRINT: "{product}/{report}/{sprint}.html",
}


@dataclass(frozen=True)
class Report:
    """One report.

    Attributes:
        name: small letters, digits and underscores; the name of its page.
        title: how navigation calls it.
        per: what one page is about.
        gather: from a product's runtime and the sprint (None unless it is per sprint) to a document, or to None where
            there is nothing to report. It is called for one product at a time, also for the page of the whole site.
        template: file name of its own Jinja template in `templates/` beside its `pages.py`; without one the document
            is shown in the general form.
        path: where its pages are in the site, if not where `per` puts them; has `{product}` and `{sprint}` as it needs.
    """

    name: str
    title: str
    per: Per
    gather: Callable[[Any, str | None], Document | None]
    template: str | None = None
    path: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise ReportError(f"report name {self.name!r}: use small letters, digits and underscores")

    @property
    def pages(self) -> str:
        """How many pages it has, in words."""
        return "one page for all products" if self.per is Per.SITE else f"a page per {self.per}"

    def page(self, product: str = "", sprint: str | None = None) -> str:
        """Path of a page within the site."""
        return (self.path or _PATHS[self.per]).format(report=self.name, product=product, sprint=sprint)


@cache
def reports() -> dict[str, Report]:
    """Every report by its name, in the order of the files that register them.

    Raises ReportError when two reports have one name or one page.
    """
    found: dict[str, Report] = {}
    pages: dict[str, str] = {}
    for module in modules("pages"):
        for report in getattr(module, "REPORTS", ()):
            page = report.page("PRODUCT", "SPRINT")
            if report.name in found or page in pages:
                raise ReportError(
                    f"{module.__name__}: there is another report with the name {report.name} or the page {page}; "
                    "rename this one"
                )
            found[report.name], pages[page] = report, report.name
    return found


@cache
def template_folder(name: str) -> Path | None:
    """The folder `templates/` beside the `pages.py` that registers a report; None when it has none."""
    for module in modules("pages"):
        if any(report.name == name for report in getattr(module, "REPORTS", ())) and module.__file__:
            folder = Path(module.__file__).parent / "templates"
            return folder if folder.is_dir() else None
    return None


def report_named(name: str) -> Report:
    """A report by its name. Raises ReportError with similar names."""
    found = reports()
    if name in found:
        return found[name]
    near = difflib.get_close_matches(name, found, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"reports: {', '.join(found)}"
    raise ReportError(f"there is no report {name}; {hint} `sprintline report` lists all reports")
