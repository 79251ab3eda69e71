"""Documents that an asset keeps of what it computed, for pages to show later without computing it again.

A document belongs to one version of what its asset recorded; of another version it is not shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sprintline.base.errors import error_text
from sprintline.base.files import atomic_write
from sprintline.mechanisms.reports.document import Document, Paragraph, Section

if TYPE_CHECKING:
    from sprintline.mechanisms.context import Context

VERSION = "version"


def keep(
    context: Context, kind: str, sprint: str, version: str, make: Callable[[], Document | None]
) -> str | None:
    """Keep a document beside the product's reports; None of `make` takes away an earlier one. Raises OSError.

    A document that cannot be made keeps no sprint from closing: in its place is one that says why.

    Args:
        context: the product.
        kind: names the document, and its folder.
        sprint: whose.
        version: data version of what was recorded with it.
        make: computes it.

    Returns why it could not be made; None when it was.
    """
    why, place = None, _place(context, kind, sprint)
    try:
        document = make()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a drawing, the figures were recorded
        why = error_text(error)
        told = Paragraph(f"These figures could not be computed: {why}")
        document = Document(kind, (Section(kind.replace("_", " ").capitalize(), (told,)),))
    if document is None:
        place.unlink(missing_ok=True)
    else:
        body = replace(document, data={**document.data, VERSION: version}).as_dict()
        atomic_write(place, json.dumps(body, ensure_ascii=False, separators=(",", ":")))
    return why


def kept(context: Context, kind: str, sprint: str, version: str) -> Document | None:
    """The document of this version; None when there is none that reads."""
    try:
        found = Document.from_dict(json.loads(_place(context, kind, sprint).read_text("utf-8")))
    except (OSError, ValueError):
        return None
    return found if found.data.get(VERSION) == version else None


def _place(context: Context, kind: str, sprint: str) -> Path:
    return context.home.reports / context.product / kind / f"{sprint}.json"
