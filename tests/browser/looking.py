"""A browser that looks at pages: Debian's chromium, which asks no one but the page, and what it noticed on its way."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ALONE = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
"""The browser itself calls no one; it has no screen, and no sandbox, for a container lets it have none."""

LAPTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOOPBACK = "127.0.0.1"


def chromium() -> str | None:
    """The system's browser, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def free_port() -> int:
    """A port no one listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def await_ui(address: str, process: subprocess.Popen[Any], within: float = 180.0) -> None:
    """Wait until a Dagster UI has loaded every code location: a page opened before shows what it does not know yet.

    Raises RuntimeError when its process ends, and TimeoutError.
    """
    until = time.monotonic() + within
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the UI ended with {process.returncode}")
        with contextlib.suppress(urllib.error.URLError, TimeoutError, ConnectionError):
            body = json.dumps({"query": _LOCATIONS}).encode()
            asked = urllib.request.Request(
                f"{address}/graphql", body, headers={"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(asked, timeout=20) as answer:
                entries = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
            if entries and all(one["loadStatus"] == "LOADED" for one in entries):
                return
        time.sleep(0.5)
    raise TimeoutError(f"the UI at {address} loaded no code location within {within:.0f} s")


_LOCATIONS = "{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }"


@contextmanager
def browser(path: str) -> Iterator[Browser]:
    """A running browser, closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=list(ALONE))
        try:
            yield opened
        finally:
            opened.close()


@dataclass
class Noticed:
    """What a page did: what it asked for beyond this machine, and the errors of its console."""

    strangers: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Note what the page does from now on."""
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda socket_: self._asked(socket_.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)

    def _asked(self, url: str) -> None:
        place = urlsplit(url)
        if place.scheme not in ("file", "data", "blob", "about") and place.hostname != LOOPBACK:
            self.strangers.append(url)


def drawn(page: Page) -> list[tuple[str, int]]:
    """Alternative text and natural width of every picture in the open dialog; a broken one has none."""
    page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('[role=dialog] img, .bp5-dialog img, img[src^=\"data:\"]')];"
        " return all.length && all.every(one => one.complete) }"
    )
    found = page.evaluate(
        "[...document.querySelectorAll('img[src^=\"data:\"]')].map(one => [one.alt, one.naturalWidth])"
    )
    return [(str(alt), int(width)) for alt, width in found]
