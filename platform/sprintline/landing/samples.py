"""A product's sample files: all rows of a provider, a file per source, cut into sprints by the contracts.

`sample/<source>.csv` (or `.csv.gz`, `.parquet`) in the product's folder replaces a source in a replay until real files
land. A row belongs to the sprint that contains its `eventAt`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sprintline.landing.inferred import FORMS, read_texts, texts_of
from sprintline.landing.odcs import parse_contract
from sprintline.landing.values import Window, moments
from sprintline.product.spec import parse_product

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LANDS_AFTER", "Window", "rows_of", "sample_of"]

LANDS_AFTER = timedelta(days=1)
"""Time from a sprint's end to the landing of its files in a replay, unless the product's sources.py sets another."""


def sample_of(folder: Path, source: str) -> Path | None:
    """The sample file of a source, if the product in `folder` has one."""
    places = (folder / "sample" / f"{source}{form}" for form in FORMS)
    return next((place for place in places if place.is_file()), None)


def rows_of(
    folder: Path, sprint: Window, lands_after: timedelta, sources: Collection[str] | None = None
) -> dict[str, pd.DataFrame]:
    """The rows of one sprint, as text, of each source that has a sample; or of some sources.

    Rows that became known `lands_after` the sprint's end or later are left out: the file had landed before.

    Raises:
        LookupError: a sample has no row of the sprint.
        InferenceError, DeclarationError: a sample, defs.yaml or a contract cannot be read.
    """
    declared = parse_product((folder / "defs.yaml").read_text(encoding="utf-8"), "defs.yaml").contracts
    found = {}
    for name, contract in declared.items():
        if (sources is not None and name not in sources) or (file := sample_of(folder, name)) is None:
            continue
        text = (folder / contract).read_text(encoding="utf-8")
        texts, happened, known = _sample(file, file.stat().st_mtime_ns, contract, text)
        inside = (happened >= sprint.start) & (happened < sprint.end) & (known < sprint.end + lands_after)
        found[name] = texts[inside].reset_index(drop=True)
        if found[name].empty:
            raise LookupError(f"sample/{file.name} has no row of {sprint.key}")
    return found


@lru_cache(maxsize=16)
def _sample(
    file: Path, _written: int, contract_file: str, contract_text: str
) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """All rows as text, and when each happened and was known; read once for all sprints."""
    contract = parse_contract(contract_text, contract_file)
    texts = texts_of(file, keep=contract.headers)

    def of(name: str | None, ended: bool) -> pd.Series:
        declared = next((column for column in contract.columns if column.name == name), None)
        there = declared is not None and declared.header in texts
        kind, values = (
            read_texts(texts[declared.header], contract.timezone) if declared and there else ("", None)
        )
        if declared is None or values is None or kind not in ("date", "timestamp"):
            raise LookupError(
                f"sample/{file.name} has no moments in the columns that {contract_file} names as eventAt and knownAt: "
                f"fix one of them, or give the rows in provide() of sources.py"
            )
        return moments(values, replace(declared, logical_type=kind), ended)

    return texts, of(contract.event_at, ended=False), of(contract.known_at, ended=True)
