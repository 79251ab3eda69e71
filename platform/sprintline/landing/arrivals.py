"""What lies ready in the landing folder, sprint by sprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sprintline.base.hashing import text_hash
from sprintline.lake.tables import Lake
from sprintline.landing.folder import Landing
from sprintline.product.runtime import Runtime


@dataclass(frozen=True)
class Landed:
    """What lies ready for one sprint.

    files: digest of the landed file by source.
    missing: sources with neither a file nor rows in the lake.
    unsettled: sources whose file is still being written.
    """

    files: dict[str, str]
    missing: tuple[str, ...]
    unsettled: tuple[str, ...]

    @property
    def digest(self) -> str:
        return text_hash("|".join(f"{name}={digest}" for name, digest in sorted(self.files.items())))

    def adds_nothing_to(self, closed_on: Mapping[str, str]) -> bool:
        """Whether a sprint closed on these files has seen all that lies here; a file cleared away is nothing new."""
        return all(closed_on.get(name) == digest for name, digest in self.files.items())


def survey(runtime: Runtime) -> tuple[dict[str, Landed], list[str]]:
    """What landed, by sprint, and what lies in the landing folder under a name that is no sprint's."""
    names = [source.name for source in runtime.spec.sources]
    scans = {name: runtime[Landing].scan(runtime.product, name, runtime.calendar.keys) for name in names}
    odd = [str(problem) for problem in runtime[Landing].stray_folders(runtime.product, names)]
    odd += [str(problem) for scan in scans.values() for problem in scan.problems]
    touched = {sprint for scan in scans.values() for sprint in scan.files}
    found = {}
    for sprint in runtime.calendar.keys:
        if sprint not in touched:
            continue
        files = {name: scan.files[sprint] for name, scan in scans.items() if sprint in scan.files}
        found[sprint] = Landed(
            {name: file.digest for name, file in files.items()},
            tuple(
                name
                for name in names
                if name not in files and not runtime[Lake].has(runtime.table(name), sprint)
            ),
            tuple(name for name, file in files.items() if not file.settled),
        )
    return found, odd
