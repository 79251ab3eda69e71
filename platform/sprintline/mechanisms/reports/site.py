"""The site's folder, and the manifest of what was written into it.

Each file is replaced whole, so a reader never sees half of one. The manifest names every file that the site wrote with
its report and content hash. Only those files are replaced or removed; any other file in the folder belongs to somebody
else and stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sprintline.base.files import atomic_write
from sprintline.base.hashing import bytes_hash
from sprintline.base.locks import access
from sprintline.mechanisms.reports.document import Document

MANIFEST = "manifest.json"
SIGNATURE = "Written by Sprintline from its records"
"""Words in the footer of every page. A folder without a manifest is taken over by them."""


@dataclass(frozen=True)
class Entry:
    """A file that the site wrote.

    Attributes:
        report, product, sprint: what it shows; empty where that does not apply.
        hash: of its content.
        before: None; while a writing is under way the hash of the content before it, empty for a new file.
    """

    report: str
    product: str = ""
    sprint: str = ""
    hash: str = ""
    before: str | None = None

    def as_dict(self) -> dict[str, str]:
        """Plain JSON values; `before` only while a writing is under way."""
        body = {"report": self.report, "product": self.product, "sprint": self.sprint, "hash": self.hash}
        return body if self.before is None else {**body, "before": self.before}


@dataclass(frozen=True)
class Written:
    """What a writing did.

    Attributes:
        pages: files of the pages.
        notes: what a person should know, a sentence each.
        failed: whether a report could not be written.
    """

    pages: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: bool = False

    def __add__(self, other: Written) -> Written:
        return Written([*self.pages, *other.pages], [*self.notes, *other.notes], self.failed or other.failed)


class Site:
    """The site of all products: pages of the whole site at its root, and a folder per product.

    Of a report with one page for the whole site, each product has its part as JSON in its folder, so that a closing
    reads its own product only.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def first(self) -> Path:
        return self.root / "index.html"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process writes: two products that close at once would each miss the other's pages."""
        with access(self.first, writing=True):
            yield

    # --- what is there ---

    def entries(self) -> dict[str, Entry]:
        """What the site wrote, by path; of a folder without a readable manifest what has the site's signature."""
        found = self._manifest()
        if found is None:
            return self._adopted()
        return {path: Entry(**body) for path, body in found["files"].items()}

    def reports_of(self, product: str) -> list[str]:
        """Names of the reports that there were when a product was last written."""
        found = self._manifest() or {}
        return list(found.get("reports", {}).get(product, ()))

    def part(self, product: str, report: str) -> Document | None:
        """A product's part of a page of the whole site; None when there is none that reads."""
        try:
            return Document.from_dict(json.loads((self.root / part_path(product, report)).read_text("utf-8")))
        except (OSError, ValueError):
            return None

    # --- writing ---

    def update(
        self,
        texts: Mapping[str, tuple[Entry, str]],
        wanted: Callable[[str, Entry], bool],
        reports: Mapping[str, Iterable[str]] | None = None,
    ) -> Written:
        """Write files, and remove those of the site's own that are no longer wanted.

        The manifest names a new file before it is written. A process that is killed between the two leaves a file that
        the next writing knows, and replaces.

        Args:
            texts: entry and content by path.
            wanted: whether a file of the manifest that is not among `texts` stays.
            reports: names of all reports, for each product that is written in full or in part.

        Raises OSError; the file that could not be written then is as it was.
        """
        there, notes = self.entries(), []
        named = (self._manifest() or {}).get("reports", {}) | {
            product: list(names) for product, names in (reports or {}).items()
        }
        pending: dict[str, Entry] = {}
        for path, (entry, text) in texts.items():
            now, new = self._hash(path), bytes_hash(text.encode())
            known = there.get(path)
            if now and (known is None or (known.before == "" and now != known.hash)):
                notes.append(
                    f"{self.root / path} was not written by Sprintline, so the page of report {entry.report} that "
                    "belongs there was not written: move the file away, then run `sprintline site`"
                )
                there.pop(path, None)
                continue
            if now and known and now not in (known.hash, known.before):
                notes.append(f"{self.root / path} was edited by hand; the edit was replaced by the report")
            pending[path] = replace(entry, hash=new, before=now)
        self._save(there | pending, named)
        for path in pending:
            self.write(path, texts[path][1])
        settled = {path: replace(one, before=None) for path, one in pending.items()}
        for path, entry in there.items():
            if path in settled or not (now := self._hash(path)):
                continue
            if wanted(path, entry):
                settled[path] = entry
            elif now in (entry.hash, entry.before):
                self._remove(path)
            else:
                notes.append(
                    f"{self.root / path} is no longer part of the site; it was edited by hand, so it stays"
                )
        self._save(settled, named)
        return Written([self.root / path for path in pending if path.endswith(".html")], notes)

    def write(self, name: str, text: str) -> Path:
        """Put a file in its place. Raises OSError; the earlier file then is as it was."""
        file = self.root / name
        atomic_write(file, text)
        return file

    def _remove(self, path: str) -> None:
        file = self.root / path
        file.unlink(missing_ok=True)
        for folder in file.relative_to(self.root).parents:
            if folder == Path() or any((self.root / folder).iterdir()):
                break
            (self.root / folder).rmdir()

    def _hash(self, path: str) -> str:
        file = self.root / path
        return bytes_hash(file.read_bytes()) if file.is_file() else ""

    def _save(self, entries: Mapping[str, Entry], reports: Mapping[str, Any]) -> None:
        products = {one.product for one in entries.values()}
        body = {
            "files": {path: one.as_dict() for path, one in sorted(entries.items())},
            "reports": {product: names for product, names in sorted(reports.items()) if product in products},
        }
        self.write(MANIFEST, json.dumps(body, indent=1, ensure_ascii=False) + "\n")

    def _manifest(self) -> dict[str, Any] | None:
        try:
            found = json.loads((self.root / MANIFEST).read_text("utf-8"))
            for body in found["files"].values():
                Entry(**body)
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return dict(found)

    def _adopted(self) -> dict[str, Entry]:
        """Files that have the site's signature: an earlier version kept no manifest, and a manifest may be lost."""
        found = {}
        for file in (*self.root.glob("**/*.html"), *self.root.glob("*/*.json")):
            folders = file.relative_to(self.root).parts[:-1]
            content = file.read_bytes()
            if _is_part(content, folders[0]) if file.suffix == ".json" else SIGNATURE.encode() in content:
                product = folders[0] if folders else ""
                found["/".join((*folders, file.name))] = Entry("", product, "", bytes_hash(content))
        return found


def part_path(product: str, report: str) -> str:
    """Path of a product's part of a page of the whole site."""
    return f"{product}/{report}.json"


def _is_part(content: bytes, product: str) -> bool:
    """Whether a file is a product's part of a page, also as the first version wrote it."""
    try:
        body = json.loads(content)
    except ValueError:
        return False
    return isinstance(body, dict) and (
        body.keys() >= {"title", "sections", "data"} or body.get("product") == product
    )
