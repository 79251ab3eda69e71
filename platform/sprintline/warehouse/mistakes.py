"""What is wrong with a product's dbt models: the ones that are missing or misnamed, and what dbt cannot parse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from sprintline.product.checked import SOUND, Check, Checked
from sprintline.product.spec import PLATFORM_ASSETS

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
    from sprintline.warehouse.dbt import Warehouse, WarehouseError

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
    from sprintline.warehouse.dbt import Warehouse, WarehouseError
    from sprintline.warehouse.undeclared import undeclared_sources

    if product.spec is None or not (product.root / "dbt_project" / "dbt_project.yml").is_file():
        return
    warehouse = Warehouse(product.product, product.home, product.root / "dbt_project")
    declared = {source.name for source in product.spec.sources}
    try:
        yield from undeclared_sources(warehouse.manifest, product.product, declared, warehouse.project)
    except WarehouseError:
        return  # reported already


CHECKS = (
    Check(50, _marts),
    Check(60, _zone_rules, SOUND),
    Check(90, _parsed, SOUND),
    Check(92, _sources, SOUND),
)
