"""The profiles of earlier sprints, as a sprint's statistics are compared with them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sprintline.lake.recorded import refuse_lost
from sprintline.lake.tables import Lake
from sprintline.mechanisms.rules.attestations import attestations
from sprintline.mechanisms.rules.events import ATTESTATION
from sprintline.mechanisms.rules.verdicts import Outcome
from sprintline.product.past import closing_of
from sprintline.product.runtime import Runtime
from sprintline.profiles.facts import ProfilesFacts
from sprintline.profiles.limits import HISTORY, LEAST_SPRINTS
from sprintline.profiles.relation_rules import RULE as KEEPS_RELATIONS
from sprintline.profiles.statistics import KEY, RELATION

if TYPE_CHECKING:
    import pandas as pd

PROFILES = "profiles"
"""The asset, and the lake table it writes: a row per statistic, with its source, and whether it was a finding."""
SOURCE, FOUND = "source", "found"
RULE = "DQ106"


@dataclass(frozen=True)
class Past:
    """Earlier profiles by source. before: with `at`, the sprint's place among them, from 0; a_year_ago: of the season.

    learning: statistics whose history begins with a sprint in which a person accepted that they changed.
    relations: keys of the relations that most of the last sprints measured.
    """

    before: dict[str, pd.DataFrame]
    a_year_ago: dict[str, pd.DataFrame]
    sprints: int
    learning: int
    relations: tuple[str, ...] = ()


def accepted(runtime: Runtime) -> dict[str, str]:
    """Who stated that a sprint's findings are right, by sprint; statements about other data of it do not count."""
    events = runtime.records.events(product=runtime.product, kind=ATTESTATION)
    found = {}
    for one in attestations(events, RULE, runtime.clock.now()):
        measured = runtime.measured(PROFILES, one.sprint) if one.sprint else None
        if one.sprint and measured and one.about == measured.data_version:
            found[one.sprint] = one.attester
    return found


def landed_before(runtime: Runtime, sprint: str) -> list[str]:
    """The sprints before one, at most `HISTORY`, that have rows of any source; oldest first."""
    landed = {
        key for source in runtime.spec.sources for key in runtime[Lake].sprints(runtime.table(source.name))
    }
    return [key for key in runtime.calendar.previous(sprint, HISTORY) if key in landed]


def without_profiles(runtime: Runtime, sprint: str) -> list[str]:
    """The closed sprints before one, at most `HISTORY`, that have rows and no profiles; oldest first.

    Such are the sprints of a state folder that is older than profiles.
    """
    measured = runtime.history(PROFILES)
    return [
        key
        for key in landed_before(runtime, sprint)
        if key not in measured and closing_of(runtime, key) is not None
    ]


def open_findings(runtime: Runtime, sprint: str) -> list[str] | None:
    """What is wrong with the sources of a sprint, a sentence each: findings that nobody accepted, violated relations.

    None for a sprint without profiles.
    """
    measured = runtime.measured(PROFILES, sprint)
    if measured is None:
        return None
    facts: ProfilesFacts = measured.facts
    found = [one["sentence"] for one in facts["findings"]]
    if found and sprint in accepted(runtime):
        found = []
    relations = KEEPS_RELATIONS(facts)
    return [*found, relations.sentence] if relations.outcome is Outcome.FAIL else found


def past_of(runtime: Runtime, sprint: str) -> Past:
    """What a sprint is compared with. Reads at most `HISTORY` sprints and three of a year ago."""
    calendar = runtime.calendar
    before = calendar.previous(sprint, HISTORY)
    season = _a_year_ago(runtime, sprint, before)
    refuse_lost(runtime, sprint, [PROFILES], HISTORY)
    table = runtime.table(PROFILES)
    keys = [key for key in (*season, *before) if runtime[Lake].has(table, key)]
    if not keys:
        return Past({}, {}, 0, 0)
    rows = runtime[Lake].read(table, keys)
    kept, learning = without_faults(rows, accepted(runtime))

    def of(wanted: Collection[str]) -> dict[str, pd.DataFrame]:
        places = {key: at for at, key in enumerate(key for key in keys if key in wanted)}
        chosen = kept[kept.sprint.isin(list(places))]
        placed = chosen.assign(at=chosen.sprint.map(places).astype(int))
        return {str(source): one for source, one in placed.groupby(SOURCE)}

    measured = kept[(kept.measure == RELATION) & kept.sprint.isin(before[-LEAST_SPRINTS:])]
    relations = measured.groupby("column").sprint.nunique()
    usual = relations[relations >= LEAST_SPRINTS].index
    return Past(of(before), of(season), sum(key in keys for key in before), learning, tuple(map(str, usual)))


def without_faults(rows: pd.DataFrame, accepted_by: Collection[str]) -> tuple[pd.DataFrame, int]:
    """The rows that teach what is usual, and how many statistics are learned again.

    A finding that nobody accepted teaches nothing. One that a person accepted is a change: what was before no longer
    says what is usual.

    Args:
        rows: profiles of several sprints, with `source`, `sprint` and `found`.
        accepted_by: sprints whose findings were accepted.
    """
    place = [SOURCE, *KEY]
    found = rows[FOUND].astype(bool)
    right = rows.sprint.isin(list(accepted_by))
    changed = rows[found & right].groupby(place)["sprint"].max().rename("since").reset_index()
    kept = rows[~found | right].merge(changed, on=place, how="left")
    kept = kept[kept.since.isna() | (kept.sprint >= kept.since)]
    return kept.drop(columns="since"), len(changed)


def _a_year_ago(runtime: Runtime, sprint: str, before: Collection[str]) -> list[str]:
    """The sprint that held the same day a year ago, and its neighbours, where they are not recent anyway."""
    from datetime import timedelta

    window = runtime.window(sprint)
    then = runtime.calendar.sprint_at(window.start + (window.end - window.start) / 2 - timedelta(days=365.25))
    if then is None:
        return []
    index = then.index
    near = runtime.calendar.sprints[max(0, index - 1) : index + 2]
    recent = set(list(before)[-6:])
    return [
        one.key for one in near if one.key not in recent and one.key != sprint and one.index < window.index
    ]
