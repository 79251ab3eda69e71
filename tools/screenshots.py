"""Pictures of the Dagster UI and the sprint site for docs/tutorials/look-around.md, from a finished demo's state.

`make demo`, then `.venv/bin/python tools/screenshots.py [NAME ...]`. Serves the UI of SPRINTLINE_HOME on loopback for
as long as it takes, without a daemon, so that nothing is started in it. Look at every picture before committing it.
"""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page  # noqa: E402
from tests.browser.looking import LAPTOP, LOOPBACK, PHONE, await_ui, browser, chromium, drawn, free_port  # noqa: E402

from sprintline.base import settings as settings  # noqa: E402
from sprintline.hosting.instance import environment, prepare  # noqa: E402

IMAGES = ROOT / "docs" / "tutorials" / "images"
MOST = 250_000
"""Bytes a picture may have: the repository carries it for ever."""


@contextmanager
def webserver(home: settings.Home) -> Iterator[str]:
    """The Dagster UI over a state folder, ended again."""
    prepare(home)
    port = free_port()
    command = [str(Path(sys.executable).with_name("dagster-webserver")), "-h", LOOPBACK, "-p", str(port)]
    variables = environment(home) | {"PYTHONWARNINGS": "ignore"}
    server = subprocess.Popen(
        [*command, "-w", "workspace.yaml", "--log-level", "warning"], cwd=ROOT, env=variables
    )
    address = f"http://{LOOPBACK}:{port}"
    try:
        await_ui(address, server)
        yield address
    finally:
        server.terminate()
        server.wait()


def settled(page: Page, *texts: str) -> None:
    """Wait until all of these are read on the page and nothing moves any more."""
    for text in texts:
        page.get_by_text(text).first.wait_for(timeout=60_000)
    page.wait_for_timeout(2000)


def lineage(page: Page, ui: str) -> None:
    page.goto(f"{ui}/assets/flight_delays/increment?view=lineage&lineageScope=upstream&lineageDepth=1")
    settled(page, "online_features", "champion")


def stages(page: Page, ui: str) -> None:
    page.goto(f"{ui}/asset-groups")
    settled(page, "warehouse", "delivery")


def failing_check(page: Page, ui: str) -> None:
    page.goto(f"{ui}/assets/flight_delays/drift?view=checks&checkDetail=MO503_missing_rates_match_training")
    settled(page, "2013-S14 fails")


def scores(page: Page, ui: str) -> None:
    page.goto(f"{ui}/assets/flight_delays/scores?view=events&partition=2013-S13")
    settled(page, "baselines")


def shown(page: Page, ui: str, asset: str, sprint: str, key: str) -> None:
    page.goto(f"{ui}/assets/flight_delays/{asset}?view=events&partition={sprint}")
    settled(page, key)
    row = page.get_by_role("row").filter(has_text=key).filter(has_text="[Show Markdown]").last
    row.get_by_text("[Show Markdown]").click()
    page.wait_for_timeout(1500)


def calibration(page: Page, ui: str) -> None:
    shown(page, ui, "scores", "2013-S13", "calibration")
    assert all(width > 0 for _, width in drawn(page))


def late_rate(page: Page, ui: str) -> None:
    shown(page, ui, "scores", "2013-S14", "positive rate by sprint")
    assert all(width > 0 for _, width in drawn(page))


def importance(page: Page, ui: str) -> None:
    shown(page, ui, "candidate", "2013-S13", "importance")
    assert all(width > 0 for _, width in drawn(page))


def card(page: Page, ui: str) -> None:
    shown(page, ui, "candidate", "2013-S13", "card")


def board(page: Page, ui: str) -> None:
    page.goto(f"{ui}/assets/flight_delays/backlog?view=events&partition=2013-S09")
    settled(page, "board")


def site(page: Page, _ui: str) -> None:
    page.goto(settings.home().site.joinpath("index.html").as_uri())


def site_sprint(page: Page, _ui: str) -> None:
    page.goto(settings.home().site.joinpath("flight_delays/2013-S09.html").as_uri())


PICTURES: dict[str, tuple[Callable[[Page, str], None], dict[str, int]]] = {
    "stages": (stages, LAPTOP),
    "lineage": (lineage, LAPTOP),
    "failing-check": (failing_check, LAPTOP),
    "scores": (scores, LAPTOP),
    "calibration": (calibration, LAPTOP),
    "late-rate": (late_rate, LAPTOP),
    "importance": (importance, LAPTOP),
    "card": (card, LAPTOP),
    "board": (board, LAPTOP),
    "site": (site, LAPTOP),
    "site-sprint": (site_sprint, LAPTOP),
    "site-phone": (site, PHONE),
}


def saved(picture: bytes, file: Path) -> None:
    """Write a picture with 256 colours, the rare ones too: a green word counts. Raises SystemExit when too big."""
    from PIL import Image

    small = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(
        small, "PNG", optimize=True
    )
    if small.tell() > MOST:
        sys.exit(f"{file.name} has {small.tell():,} bytes, {MOST:,} are allowed: show less of it")
    file.write_bytes(small.getvalue())
    print(f"{file.relative_to(ROOT)}: {small.tell():,} bytes")


def main() -> None:
    path = chromium()
    if path is None:
        sys.exit("chromium is missing: install Debian's package `chromium`")
    names = sys.argv[1:] or list(PICTURES)
    if unknown := set(names) - set(PICTURES):
        sys.exit(f"there is no picture {', '.join(sorted(unknown))}: there are {', '.join(PICTURES)}")
    home = settings.home()
    if not (home.site / "index.html").is_file():
        sys.exit(f"{home.site} holds no page: run `make demo` first, or `sprintline site`")
    IMAGES.mkdir(parents=True, exist_ok=True)
    os.chdir(ROOT)
    with webserver(home) as ui, browser(path) as opened:
        for name in names:
            take, size = PICTURES[name]
            page = opened.new_page(viewport=size)
            take(page, ui)
            saved(page.screenshot(), IMAGES / f"{name}.png")
            page.close()


if __name__ == "__main__":
    main()
