"""One sprint's profiles: measured from what lake and warehouse hold of it, and compared with the sprints before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sprintline.base.time_zones import zone_of
from sprintline.lake.tables import Lake
from sprintline.landing.odcs import Contracts
from sprintline.landing.published import feed_of
from sprintline.product.runtime import Runtime
from sprintline.profiles.history import FOUND, SOURCE, past_of
from sprintline.warehouse.content_hashes import rows_of
from sprintline.warehouse.dbt import Warehouse

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.landing.contracts import Contract
    from sprintline.profiles.facts import ProfilesFacts


@dataclass(frozen=True)
class Profiled:
    """Profiles of a sprint.

    rows: a row per statistic (`statistics.COLUMNS`), with its source, and whether it is a finding.
    compared: those that could be compared, with what was expected (`limits.deviations`), and their source.
    facts: what is recorded.
    """

    rows: pd.DataFrame
    compared: pd.DataFrame
    facts: ProfilesFacts


def profile(runtime: Runtime, sprint: str) -> Profiled:
    """Measure a sprint and compare it. Raises StepFailed when the profiles of earlier sprints were changed."""
    import pandas as pd

    from sprintline.profiles.limits import deviations, findings
    from sprintline.profiles.measured_relations import add_relations
    from sprintline.profiles.relation_facts import relation_facts
    from sprintline.profiles.sentences import told
    from sprintline.profiles.statistics import COLUMNS, KEY

    days, zone = days_of_sprint(runtime, sprint), zone_of(runtime.calendar.timezone)
    frames = frames_of(runtime, sprint)
    profiles = {name: measured(runtime, name, frame, days) for name, frame in frames.items()}
    past = past_of(runtime, sprint)
    contracts = {source.name: contract_of(runtime, source.name) for source in runtime.spec.sources}
    known = {name: contract for name, contract in contracts.items() if contract is not None}
    shown = {name: frames[name] for name in known if name in frames}
    notes = add_relations(profiles, shown, known, past.relations)
    nothing = pd.DataFrame(columns=[*COLUMNS, "at"])
    by_source = [
        deviations(now, past.before.get(name, nothing), past.a_year_ago.get(name)).assign(**{SOURCE: name})
        for name, now in profiles.items()
    ]
    compared = _by_p(by_source)
    found = _by_p([findings(one, len(by_source)) for one in by_source])
    rows = pd.concat([one.assign(**{SOURCE: name}) for name, one in profiles.items()], ignore_index=True)
    # A group that is gone has no row of its own; it becomes one, so that its absence can be accepted.
    absent = found.merge(rows[[SOURCE, *KEY]], how="left", indicator=True).query("_merge == 'left_only'")
    rows = pd.concat([rows, absent[[SOURCE, *COLUMNS]]], ignore_index=True)
    marked = rows[[SOURCE, *KEY, "day"]].merge(
        found[[SOURCE, *KEY, "day"]].drop_duplicates().assign(found=True), how="left"
    )
    rows[FOUND] = marked[FOUND].eq(True).to_numpy()
    facts: ProfilesFacts = {
        "statistics": {name: len(one) for name, one in profiles.items()},
        "compared": len(compared),
        "sprints": past.sprints,
        "learning": past.learning,
        "findings": told(found, compared, frames, zone, days, notes),
        "accepted": relation_facts(shown, runtime[Contracts], known),
    }
    return Profiled(rows, compared, facts)


def _by_p(parts: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(parts, ignore_index=True).sort_values("p", kind="stable", ignore_index=True)


def frames_of(runtime: Runtime, sprint: str) -> dict[str, pd.DataFrame]:
    """What is profiled of a sprint: rows of each source in the lake, and its questions with their answers."""
    found = {
        source.name: runtime[Lake].read(runtime.table(source.name), [sprint], missing_ok=True)
        for source in runtime.spec.sources
    }
    found = {
        name: frame.drop(columns="sprint", errors="ignore") for name, frame in found.items() if len(frame)
    }
    if (answers := _answers(runtime, sprint)) is not None:
        found[runtime.spec.model.outcomes] = answers
    return found


def _answers(runtime: Runtime, sprint: str) -> pd.DataFrame | None:
    """The sprint's questions with their answers (a number, or none) and the texts that group them; None without any.

    A text column that has the name of a source's hidden column is left out: its values must not be shown.
    """
    import pandas as pd

    model = runtime.spec.model
    questions = rows_of(runtime[Warehouse], model.questions, sprint)
    if questions.empty or "question_at" not in questions:
        return None
    contracts = [contract_of(runtime, source.name) for source in runtime.spec.sources]
    hidden = {name for one in contracts if one is not None for name in one.hidden_columns}
    left_out = {"question_id", "sprint", "question_at", "event_at", model.label, *hidden}
    texts = [
        name
        for name, column in questions.items()
        if name not in left_out and (column.dtype == object or pd.api.types.is_string_dtype(column))
    ]
    answers = rows_of(runtime[Warehouse], model.outcomes, sprint)[["question_id", model.label]]
    asked = questions[["question_id", "question_at", *texts]]
    joined = asked.merge(answers.drop_duplicates("question_id"), on="question_id", how="left")
    if model.classes:
        joined[model.label] = joined[model.label].astype("string")
    else:  # what is no number is no answer: `scores` refuses it, and says so
        joined[model.label] = pd.to_numeric(joined[model.label], errors="coerce").astype("Float64")
    joined["event_at"] = pd.to_datetime(joined["question_at"], utc=True)
    return joined.drop(columns=["question_id", "question_at"])


def measured(runtime: Runtime, source: str, frame: pd.DataFrame, days: list[str]) -> pd.DataFrame:
    """Statistics of one source's rows. Columns whose values must not be shown are left out, but for their nulls."""
    from sprintline.profiles.statistics import statistics

    contract = contract_of(runtime, source)
    hidden, key = (contract.hidden_columns, contract.key) if contract else ((), ())
    label = runtime.spec.model.label
    is_rate = source == runtime.spec.model.outcomes and frame[label].dropna().isin((0, 1)).all()
    rates = [label] if is_rate else []
    return statistics(frame, days, zone_of(runtime.calendar.timezone), key, hidden, rates)


def contract_of(runtime: Runtime, source: str) -> Contract | None:
    """The contract under which a source's rows were read; None for what is no source.

    Raises NotReady for a published table that its publisher no longer offers: whether its values may be shown is not
    known.
    """
    if source in runtime.spec.read:
        return feed_of(runtime, source).contract
    return runtime[Contracts].get(source)


def days_of_sprint(runtime: Runtime, sprint: str) -> list[str]:
    """The days of a sprint, in order."""
    window, zone = runtime.window(sprint), zone_of(runtime.calendar.timezone)
    first, after = window.start.astimezone(zone).date(), window.end.astimezone(zone).date()
    return [(first + timedelta(days=n)).isoformat() for n in range((after - first).days)]
