"""Whether a closing moves: what its run has stored so far. A slow machine or a wide file is no reason to give up."""

from __future__ import annotations

from contextlib import suppress

from sprintline.product.runtime import Runtime

WorkDone = tuple[frozenset[str], tuple[tuple[int, int], ...]]


def work_done(runtime: Runtime, sprint: str) -> WorkDone:
    """The sprint's measured assets, and time and size of the warehouse file and its log: equal while nothing moves."""
    measured = frozenset(asset for _, asset in runtime.records.measurements(runtime.product, sprint))
    file = runtime.home.warehouse_file(runtime.product)
    found = []
    for place in (file, file.with_name(f"{file.name}.wal")):
        with suppress(FileNotFoundError):
            state = place.stat()
            found.append((state.st_mtime_ns, state.st_size))
    return measured, tuple(found)
