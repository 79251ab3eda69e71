"""The data version of every asset as its store holds it now: what a gate holds verdicts against.

An asset's record says what it wrote. Whoever changes a lake partition, a mart or a release afterwards leaves that
record as it is, so a gate that asks the record would accept verdicts on data that is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sprintline.core.hashing import text_hash
from sprintline.stages.runtime import Runtime
from sprintline.stores.contents import contents, fingerprints

if TYPE_CHECKING:
    from sprintline.stores.records import Measurement

NOTHING_ISSUED = "none"
"""Version of the predictions of a sprint before which no champion stood."""


def current_versions(runtime: Runtime, sprint: str) -> dict[str, str]:
    """Version by asset, of all that were recorded for the sprint; what its store no longer holds is left out."""
    measured = {
        asset: one for (_, asset), one in runtime.records.measurements(runtime.product, sprint).items()
    }
    found: dict[str, str | None] = {asset: one.data_version for asset, one in measured.items()}
    tables = {runtime.table(asset): asset for asset in lake_assets(runtime) & set(measured)}
    for table, asset in tables.items():
        if found[asset] != NOTHING_ISSUED:
            found[asset] = runtime.lake.data_version(table, sprint)
    found |= _models(runtime, sprint, measured)
    if "candidate" in measured:
        found["candidate"] = release_version(runtime, measured["candidate"])
    if "online_features" in measured:
        found["online_features"] = online_version(runtime, sprint)
    return {asset: version for asset, version in found.items() if version is not None}


def lake_assets(runtime: Runtime) -> set[str]:
    """Assets whose data are a lake table of their own name."""
    sources = {source.name for source in runtime.spec.sources}
    return {*sources, *runtime.spec.features.views, "question_features", "predictions"}


def online_version(runtime: Runtime, sprint: str) -> str:
    """What the online store was brought to for a sprint: the content of its views' partitions."""
    views = runtime.spec.features.views
    return text_hash("|".join(runtime.lake.data_version(runtime.table(view), sprint) or "" for view in views))


def release_version(runtime: Runtime, candidate: Measurement) -> str | None:
    """The candidate's model id, unless its release is gone or holds other files than were saved."""
    return None if release_damage(runtime, candidate.facts) else candidate.data_version


def release_damage(runtime: Runtime, facts: Mapping[str, str]) -> list[str]:
    """What is wrong with a candidate's release, a sentence each; empty while it is as it was saved."""
    from sprintline.stores.releases import ReleaseError

    try:
        return runtime.models.release(facts["model_id"], facts["release_digest"]).verify()
    except ReleaseError as error:
        return [str(error)]


def _models(runtime: Runtime, sprint: str, measured: Mapping[str, Measurement]) -> dict[str, str | None]:
    """Versions of dbt models. Hashing all rows takes a second, so it is done only where the fingerprint changed."""
    names = [name for name in runtime.warehouse.relations() if name in measured]
    now = fingerprints(runtime.warehouse, names, sprint)
    same = [name for name in names if name in now and measured[name].facts.get("fingerprint") == now[name]]
    others = [name for name in now if name not in same]
    return {
        **dict.fromkeys(names),
        **{name: measured[name].data_version for name in same},
        **{name: one.data_version for name, one in contents(runtime.warehouse, others, sprint, 0).items()},
    }
