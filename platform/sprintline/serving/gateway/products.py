"""The products that a gateway serves: what each answers from, kept up with ledger and online store."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sprintline.base import settings
from sprintline.learning.bundles import ReleaseError
from sprintline.mechanisms.ledger.opened import existing_records
from sprintline.release.live import ReleaseStateError, live_now
from sprintline.serving.gateway.answering import Answering, read
from sprintline.serving.gateway.log import Log
from sprintline.serving.gateway.snapshot import SnapshotError

if TYPE_CHECKING:
    from sprintline.release.live import Live

PREPARES_WITHIN = 300
"""Seconds after which a preparation is given up."""


@dataclass
class Served:
    """A product. answering: replaced as one. trouble: why it does not follow what is live; None when it does."""

    product: str
    log: Log
    answering: Answering | None = None
    trouble: str | None = None
    seen: tuple[object, ...] = ()


class Products:
    """Loads what is live, and looks every few seconds whether something else is."""

    def __init__(self, home: settings.Home, products: Sequence[str], every: float, threads: int = 1) -> None:
        self._home, self._every, self._threads = home, every, threads
        self.served = {product: Served(product, Log(home.serving / product / "log")) for product in products}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follow the ledger", daemon=True)

    def start(self) -> None:
        """Load what `sprintline serve` prepared, then follow."""
        for one in self.served.values():
            one.seen = self._signs(one.product)
            self._load(one)
        self._thread.start()

    def stop(self) -> None:
        """Stop following, and commit what waits to be logged."""
        self._ended.set()
        self._thread.join()
        for one in self.served.values():
            one.log.close()

    def _follow(self) -> None:
        while not self._ended.wait(self._every):
            for one in self.served.values():
                self._look(one)

    def _look(self, one: Served) -> None:
        """Prepare and load again where another model is live, or features were published since."""
        try:
            signs = self._signs(one.product)
            if signs == one.seen and one.trouble is None:
                return
            self._prepare(one.product)
            one.seen = signs  # what changes while it prepares is seen the next time
            self._load(one)
        # Whatever it is: the last answers that were sound go on, and it is tried again.
        except Exception as error:  # noqa: BLE001
            self._tell(one, f"{type(error).__name__}: {error}")

    def _load(self, one: Served) -> None:
        try:
            live = self._live(one.product)
            if live is None:
                raise SnapshotError(f"{one.product} has no live model")
            folder, releases = self._home.serving / one.product, self._home.models / "releases"
            found = read(folder, releases, live.release_digest, live.model_id, self._threads)
        except (SnapshotError, ReleaseError, ReleaseStateError) as error:
            self._tell(one, str(error))
            return
        changed = one.answering is None or one.answering.name != found.name
        one.answering, one.trouble = found, None
        if changed:
            _say(f"{one.product}: answers by model {live.model_id}, snapshot {found.name[:12]}")

    def _live(self, product: str) -> Live | None:
        records = existing_records(self._home)
        return None if records is None else live_now(records, product)

    def _signs(self, product: str) -> tuple[object, ...]:
        """What changes when something else is to be served: the live model, and the files of the online store."""
        live, online = self._live(product), self._home.features / product / "online.db"
        return (live and (live.model_id, live.release_digest), *map(_stamp, (online, Path(f"{online}-wal"))))

    def _prepare(self, product: str) -> None:
        command = [sys.executable, "-W", "ignore", "-m", f"{__package__}.prepare", product]
        done = subprocess.run(
            command, cwd=settings.ROOT, capture_output=True, text=True, timeout=PREPARES_WITHIN, check=False
        )
        if done.returncode:
            raise SnapshotError((done.stderr.strip().splitlines() or ["no reason given"])[-1])

    def _tell(self, one: Served, trouble: str) -> None:
        if trouble != one.trouble:
            _say(f"{one.product}: {trouble}")
        one.trouble = trouble


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
