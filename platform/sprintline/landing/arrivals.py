"""What is ready to be read, sprint by sprint: files in the landing folder, and tables that other products publish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sprintline.base.hashing import text_hash
from sprintline.lake.tables import Lake
from sprintline.landing.events import REFUSED
from sprintline.landing.facts import SourceFacts
from sprintline.landing.folder import Landing
from sprintline.landing.published import UPSTREAM, NotReady, Ready, Upstream, feed_of
from sprintline.mechanisms.declaration.located_yaml import DeclarationError
from sprintline.product.runtime import Runtime


@dataclass(frozen=True)
class Landed:
    """What is ready for one sprint.

    files: digest by source, of the landed file or of what the publisher's sprints closed on.
    missing: sources with neither a file nor rows in the lake.
    unsettled: sources whose file is still being written.
    waits: what the published tables wait for, each to be read after "2026-S03 waits".
    """

    files: dict[str, str]
    missing: tuple[str, ...]
    unsettled: tuple[str, ...]
    waits: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        return text_hash("|".join(f"{name}={digest}" for name, digest in sorted(self.files.items())))

    def adds_nothing_to(self, closed_on: Mapping[str, str]) -> bool:
        """Whether a sprint closed on these files has read everything that is here; a removed file does not count."""
        return all(closed_on.get(name) == digest for name, digest in self.files.items())


def arrivals_of(runtime: Runtime) -> tuple[dict[str, Landed], list[str]]:
    """What landed, by sprint, and the problems of files in the landing folder whose names are wrong."""
    names = [source.name for source in runtime.spec.landed]
    scans = {name: runtime[Landing].scan(runtime.product, name, runtime.calendar.keys) for name in names}
    odd = [str(problem) for problem in runtime[Landing].stray_folders(runtime.product, names)]
    odd += [str(problem) for scan in scans.values() for problem in scan.problems]
    touched = {sprint for scan in scans.values() for sprint in scan.files}
    read = {source: _read(runtime, source) for source in runtime.spec.read}
    for ready in read.values():
        touched |= {sprint for sprint, one in ready.items() if isinstance(one, Ready)}
        # The first sprint that waits is reported, though nothing of it has come yet.
        touched |= {next((sprint for sprint, one in ready.items() if isinstance(one, str)), "")}
    found = {}
    for sprint in runtime.calendar.keys:
        if sprint not in touched:
            continue
        files = {name: scan.files[sprint] for name, scan in scans.items() if sprint in scan.files}
        published = {source: ready[sprint] for source, ready in read.items()}
        found[sprint] = Landed(
            {name: file.digest for name, file in files.items()}
            | {source: one.digest for source, one in published.items() if isinstance(one, Ready)},
            tuple(
                name
                for name in names
                if name not in files and not runtime[Lake].has(runtime.table(name), sprint)
            ),
            tuple(name for name, file in files.items() if not file.settled),
            tuple(dict.fromkeys(one for one in published.values() if isinstance(one, str))),
        )
    return found, odd


def read_from(runtime: Runtime, sprint: str) -> dict[str, str]:
    """Digest of the published rows that a sprint was computed from, by source."""
    found: dict[str, str] = {}
    for source in runtime.spec.read:
        if measured := runtime.measured(source, sprint):
            facts: SourceFacts = measured.facts
            if UPSTREAM in facts:
                found[source] = facts[UPSTREAM]
    return found


def published_versions(runtime: Runtime, sources: Mapping[str, object]) -> dict[str, str]:
    """Product, table and contract version of those sources that other products publish."""
    found = {}
    for source in runtime.spec.read.keys() & sources.keys():
        reference = runtime.spec.read[source]
        try:
            found[source] = feed_of(runtime, source).version
        except (NotReady, DeclarationError):
            found[source] = f"{reference.product}.{reference.table} {reference.version}"
    return found


def _read(runtime: Runtime, source: str) -> dict[str, Ready | str]:
    """What is ready of a published table, by sprint; or what the sprint waits for."""
    try:
        upstream = Upstream.of(runtime, source)
    except NotReady as waits:
        return dict.fromkeys(runtime.calendar.keys, str(waits))
    except DeclarationError as error:
        why = error.mistakes[0]
        return dict.fromkeys(runtime.calendar.keys, f"for {source}: {why.wrong}; {why.right}")
    refused = {
        (str(event.sprint), event.body.get(UPSTREAM)): event.body["reason"]
        for event in runtime.records.events(product=runtime.product, kind=REFUSED)
        if event.body["source"] == source
    }
    found: dict[str, Ready | str] = {}
    for window in runtime.calendar.sprints:
        try:
            ready = upstream.at(window)
        except NotReady as waits:
            found[window.key] = str(waits)
            continue
        reason = refused.get((window.key, upstream.attempt(ready)))
        again = f"it is read again when {upstream.feed.product} restates it or changes its contract"
        found[window.key] = f"for {upstream.feed.version} (refused: {reason}); {again}" if reason else ready
    return found
