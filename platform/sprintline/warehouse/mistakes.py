"""What is wrong with a product's dbt models: the ones that are missing or misnamed, and what dbt cannot parse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from sprintline.product.bounds import INCREMENT
from sprintline.product.checked import SOUND, Check, Checked
from sprintline.product.held import Held, place_of
from sprintline.product.runtime import Runtime
from sprintline.product.spec import PLATFORM_ASSETS
from sprintline.warehouse.bound import bound
from sprintline.warehouse.contract_use import misdeclared_columns, misread_columns
from sprintline.warehouse.dbt import Warehouse, WarehouseError
from sprintline.warehouse.undeclared import undeclared_sources

_COMPARED = timedelta(days=10 * 366)
"""From a calendar's start on, clocks are compared for so long."""


def _marts(product: Checked) -> Iterator[str]:
    if (spec := product.spec) is None:
        return
    models = product.root / "dbt_project" / "models" / product.product
    if not models.is_dir():
        yield f"{product.shown(models)}:1: is missing; the product's dbt models belong there"
        return
    files = {file.stem: file for file in sorted(models.rglob("*.sql"))}
    taken = dict.fromkeys(PLATFORM_ASSETS, "an asset that every product has")
    taken |= {source.name: "a source" for source in spec.sources}
    taken |= dict.fromkeys(spec.features.views, "a feature view")
    for name in sorted(set(files) & set(taken)):
        yield f"{product.shown(files[name])}:1: {name} is the name of {taken[name]}; give the model another name"
    for mart in (spec.model.questions, spec.model.outcomes):
        if mart not in files:
            file = models / "marts" / f"{mart}.sql"
            yield f"{product.shown(file)}:1: is missing; defs.yaml names this mart under model"


def _parsed(product: Checked) -> Iterator[str]:
    if not (product.root / "dbt_project" / "dbt_project.yml").is_file():
        return
    try:
        Warehouse(product.product, product.home, product.root / "dbt_project").ensure_manifest()
    except WarehouseError as error:
        # dbt's first line names kind and model, which the file does as well; its line is the template's own.
        lines = [line.strip() for line in error.detail.splitlines()[1:] if line.strip()]
        line = next((int(found[1]) for one in lines if (found := re.fullmatch(r"line (\d+)", one))), 1)
        why = next(
            (one for one in lines if not one.startswith("line ")), error.detail or "dbt does not parse it"
        )
        yield f"dbt_project/{error.file or 'dbt_project.yml'}:{line}: {why}; fix the model"


def _zone_rules(product: Checked) -> Iterator[str]:
    from sprintline.base.time_zones import rules_version
    from sprintline.warehouse.zone_rules import differences

    if product.spec is None:
        return
    calendar = product.spec.calendar
    first, last = date.fromisoformat(calendar.start), date.fromisoformat(calendar.planned_until)
    found = differences(calendar.timezone, first, min(last, first + _COMPARED))
    if found:
        file = product.folder / "defs.yaml"
        place = f"{product.shown(file)}:{product.line(file, ('attributes', 'calendar', 'timezone'))}"
        told = " and ".join(
            f"{library} from {moment:%Y-%m-%d %H:%M} UTC on" for library, moment in found.items()
        )
        yield (
            f"{place}: attributes.calendar.timezone: {calendar.timezone} has other clocks by {told} than by tzdata "
            f"{rules_version()}, which the platform uses: sprints and SQL would disagree; install versions of the same "
            f"rules (make setup installs those of requirements.lock)"
        )


def _sources(product: Checked) -> Iterator[str]:
    """Models that read what no longer lands."""
    if product.spec is None or not (product.root / "dbt_project" / "dbt_project.yml").is_file():
        return
    warehouse = Warehouse(product.product, product.home, product.root / "dbt_project")
    declared = {source.name for source in product.spec.sources}
    try:
        yield from undeclared_sources(warehouse.manifest, product.product, declared, warehouse.project)
    except WarehouseError:
        return  # reported already


def _contracts(product: Checked) -> Iterator[str]:
    """SQL and sources.py that read what no contract declares."""
    with bound(product) as (run, columns, warehouse):
        if run is None or warehouse is None:
            return
        yield from (one.wrong for one in columns.values() if one.wrong)
        yield from misread_columns(run, warehouse.manifest, product.product, columns, warehouse.project)
        yield from misdeclared_columns(run, warehouse.manifest, warehouse.table_columns())


def _removed_sources(runtime: Runtime, quick: bool) -> Iterator[str]:
    """Sources that the newest closed sprint landed, that models still read, and that are not declared any more."""
    if (newest := runtime.newest(INCREMENT)) is None:
        return
    declared = {source.name for source in runtime.spec.sources}
    measured = runtime.records.measurements(runtime.product, newest[0])
    gone = {asset for (_, asset), one in measured.items() if "landed_by" in one.facts} - declared
    if not gone:
        return
    warehouse = runtime[Warehouse]
    try:
        manifest = warehouse.manifest
    except WarehouseError:
        return  # reported already
    for name in sorted(gone):
        others = {one["name"] for one in manifest.get("sources", {}).values()} - {name}
        readers = list(undeclared_sources(manifest, runtime.product, others, warehouse.project))
        if readers:
            yield (
                f"{place_of(runtime, 'sources')}: attributes.sources: {newest[0]} closed on the source {name}, which "
                f"is not "
                f"declared any more, and {readers[0].partition(': ')[0]} reads it: declare it again, or take it out "
                f"of the dbt models and features first"
            )


HELD = (Held(_removed_sources),)
CHECKS = (
    Check(50, _marts),
    Check(60, _zone_rules, SOUND),
    Check(90, _parsed, SOUND),
    Check(92, _sources, SOUND),
    Check(93, _contracts, SOUND),
)
