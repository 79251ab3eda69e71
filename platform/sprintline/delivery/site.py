"""The site is written: every report's pages, by a closing or by `sprintline site`.

A closing writes the pages of its own sprint and its neighbour's, its product's pages and those of the whole site, so
that its cost does not grow with history; `sprintline site` writes everything again from the records.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import replace

from sprintline.base.errors import error_text
from sprintline.base.settings import Home
from sprintline.delivery.pages import SPRINTS, broken_document, sprints_document
from sprintline.delivery.recorded import Recorded, changed_by, read
from sprintline.mechanisms.reports.document import Document
from sprintline.mechanisms.reports.render import Link, page
from sprintline.mechanisms.reports.report import Per, reports
from sprintline.mechanisms.reports.site import Entry, Site, Written, part_path
from sprintline.product.runtime import Runtime

Scope = tuple[str, str | None]
"""Name of a report, and the sprint of a page per sprint."""
Page = tuple[str, str, str | None]
"""Report, product and sprint of a page."""
Texts = dict[str, tuple[Entry, str]]
"""Files to write: entry and content by path."""


def write_closing(runtime: Runtime, sprint: str) -> Written:
    """Write what the closing of a sprint changed. Raises OSError where it cannot be written."""
    return write_product(runtime, sprint) + write_first(runtime.home)


def write_product(runtime: Runtime, closed: str | None = None) -> Written:
    """Write a product's pages and its part of the pages of the whole site.

    A report that fails keeps the page it has and is named in the notes; the others are written.

    Args:
        runtime: the product's.
        closed: the sprint that has just closed, when only what it changed is to be written: where it is the newest,
            everything before it is on the site and there are the same reports. Otherwise all pages are written.
    """
    site, product = Site(runtime.home.site), runtime.product
    with site.alone():
        events = runtime.records.events(product=product)
        part = site.part(product, SPRINTS) if closed and site.reports_of(product) == list(reports()) else None
        kept = part.data.get("sprints", []) if part else []
        fresh = changed_by(runtime, closed, kept, events) if closed and kept else None
        recorded = read(runtime, events, fresh, kept if fresh is not None else ())
        reading = replace(runtime)
        reading.opened.update({**runtime.opened, Recorded: recorded})
        documents, failed = _gathered(reading, [key for key in recorded.keys if key in recorded.status])

        def stays(_path: str, entry: Entry) -> bool:
            if entry.product != product or (entry.report, entry.sprint or None) in failed:
                return True
            if not entry.report:  # written before there was a manifest, and maybe the page of what failed
                return bool(failed)
            of_sprint = entry.report in reports() and reports()[entry.report].per is Per.SPRINT
            return of_sprint and entry.sprint in recorded.keys and entry.sprint not in recorded.status

        known = _pages(one for path, one in site.entries().items() if stays(path, one))
        known |= {(name, product, sprint) for name, sprint in documents}
        texts: Texts = {}
        for (name, sprint), document in documents.items():
            report, entry = reports()[name], Entry(name, product, sprint or "")
            if report.per is Per.SITE:
                texts[part_path(product, name)] = (entry, _json(document))
                continue
            try:
                text = page(report, {product: document}, sprint, _nav(known, (product,), sprint))
            except Exception as error:  # noqa: BLE001 - a report's own template may have any mistake
                failed[name, sprint] = error_text(error)
            else:
                texts[report.page(product, sprint)] = (entry, text)
        notes = [
            f"report {name} of {product}{f' {sprint}' if sprint else ''} was not written: {why}"
            for (name, sprint), why in failed.items()
        ]
        return Written(notes=notes, failed=bool(failed)) + site.update(texts, stays, {product: reports()})


def write_broken(home: Home, product: str, error: str) -> None:
    """Show that a product does not load; its pages stay."""
    site = Site(home.site)
    with site.alone():
        text = (Entry(SPRINTS, product), _json(broken_document(product, error)))
        site.update({part_path(product, SPRINTS): text}, lambda _path, _entry: True)


def write_first(home: Home, products: Collection[str] | None = None) -> Written:
    """Write the pages of the whole site from the part that every product wrote last.

    products: those there are; pages of others are removed.
    """
    site = Site(home.site)
    with site.alone():
        entries = site.entries()
        there = {
            one.product for one in entries.values() if one.product and (site.root / one.product).is_dir()
        }
        shown = sorted(there if products is None else there & set(products))
        parts = {name: _parts(site, name, shown) for name, one in reports().items() if one.per is Per.SITE}
        parts = {name: found for name, found in parts.items() if found or name == SPRINTS}
        known = _pages(one for one in entries.values() if one.product in shown)
        known |= {(name, "", None) for name in parts}
        nav = _nav(known, shown, None)
        texts: Texts = {}
        failed: dict[str, str] = {}
        for name, found in parts.items():
            try:
                texts[reports()[name].page()] = (Entry(name), page(reports()[name], found, nav=nav))
            except Exception as error:  # noqa: BLE001 - a report's own template may have any mistake
                failed[name] = error_text(error)
        notes = [f"the page of report {name} was not written: {why}" for name, why in failed.items()]
        return Written(notes=notes, failed=bool(failed)) + site.update(
            texts, lambda _path, one: one.product in shown or one.report in failed
        )


def _gathered(runtime: Runtime, sprints: Iterable[str]) -> tuple[dict[Scope, Document], dict[Scope, str]]:
    """Documents by report and sprint, and why reports failed."""
    found: dict[Scope, Document] = {}
    failed: dict[Scope, str] = {}
    for name, report in reports().items():
        for sprint in sprints if report.per is Per.SPRINT else (None,):
            try:
                document = report.gather(runtime, sprint)
            except Exception as error:  # noqa: BLE001 - one report must not keep the others from being written
                failed[name, sprint] = error_text(error)
                continue
            if document is not None:
                found[name, sprint] = document
    return found, failed


def _pages(entries: Iterable[Entry]) -> set[Page]:
    return {(one.report, one.product, one.sprint or None) for one in entries}


def _parts(site: Site, name: str, products: Iterable[str]) -> dict[str, Document]:
    found = {
        product: site.part(product, name) or _first_versions(site, name, product) for product in products
    }
    return {product: one for product, one in found.items() if one is not None}


def _first_versions(site: Site, name: str, product: str) -> Document | None:
    """A product's part of the first page as it was written before there was a manifest."""
    if name != SPRINTS:
        return None
    try:
        return sprints_document(json.loads((site.root / product / "summary.json").read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _nav(known: Collection[Page], products: Iterable[str], sprint: str | None) -> list[Link]:
    """Pages of the whole site, of the products and of the sprint, as far as there are any."""
    shown, links = list(products), []
    names = {name for name, _, _ in known} | {SPRINTS}
    for per in Per:
        for name, report in reports().items():
            if report.per is not per:
                continue
            if per is Per.SITE:
                links += [Link(report.title, report.page())] if name in names else []
                continue
            where = sprint if per is Per.SPRINT else None
            for product in shown if per is Per.PRODUCT or sprint else ():
                if (name, product, where) in known:
                    title = report.title if len(shown) == 1 else f"{report.title} ({product})"
                    links.append(Link(title, report.page(product, where)))
    return links


def _json(document: Document) -> str:
    return json.dumps(document.as_dict(), ensure_ascii=False, indent=1) + "\n"
