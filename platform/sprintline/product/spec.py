"""What a team declares about its data product: `defs.yaml`, typed and checked.

`parse_product` turns the text of a `defs.yaml` (a Dagster component file) into a `ProductSpec`, or reports every
mistake with file, line and fix. It opens no file and reads no clock: whether a waiver has expired is decided when a
gate is evaluated, not here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import Field, ValidationError

from sprintline.mechanisms.declaration.declarations import Declaration
from sprintline.mechanisms.declaration.located_yaml import (
    DeclarationError,
    KeyPath,
    LocatedYaml,
    Mistake,
    read_yaml,
    shown,
    suggest,
)
from sprintline.mechanisms.declaration.spec import Cross, Spec, mistakes
from sprintline.mechanisms.declaration.types import (
    IsoDate,
    Name,
    Number,
    Owner,
    Severity,
    Words,
)
from sprintline.product.calendar_spec import CalendarSpec
from sprintline.product.source_spec import PublishedRef, PublishedTable, SourceSpec

__all__ = [
    "CalendarSpec", "DeclarationError", "DriftSpec", "FeaturesSpec", "ModelSpec", "ProductSpec", "PublishedRef",
    "PublishedTable", "RuleOverride", "SourceSpec", "TeamSpec", "Waiver", "parse_product",
]  # fmt: skip

COMPONENT = "sprintline.components.DataProduct"

_RULE_CODE = re.compile(r"[A-Z]{2,5}\d{3}")


class TeamSpec(Spec):
    """Who answers for the product."""

    retired = frozenset({"lead"})

    name: Words = Field(description="the team's name", examples=["Punctuality"])
    owner: Words = Field(description="who answers for the product", examples=["dana.reyes@example.org"])


INCREMENT = "increment"
"""Asset that closes a sprint."""

PLATFORM_ASSETS = frozenset(
    ("profiles", "question_features", "online_features", "predictions", "scores", "drift", "candidate", "champion",
     "increment", "backlog")
)  # fmt: skip
"""Names of the assets that every product has; a product cannot use them for its own assets."""


class FeaturesSpec(Spec):
    """The feature views the model reads, and how far back they look."""

    service: Name = Field(description="Feast feature service", examples=["flight_delays_v1"])
    lookback_sprints: int = Field(
        default=2, ge=0, le=52, description="sprints before this one a feature may read", examples=[2]
    )
    views: list[Name] = Field(min_length=1, description="Feast feature views", examples=[["carrier_delays"]])

    @classmethod
    def cross_checks(cls, raw: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[Cross]:
        """No view is given twice."""
        yield from _repeated(raw.get("views"), ("views",), "view")


class ModelSpec(Spec):
    """The question, the label, and when a candidate may be trained."""

    questions: Name = Field(
        default="questions", description="mart with a row per question", examples=["questions"]
    )
    outcomes: Name = Field(
        default="outcomes", description="mart with a row per known answer", examples=["outcomes"]
    )
    label: Name = Field(description="column of the outcomes with the answer", examples=["late"])
    task: Name = Field(
        default="binary",
        description="kind of answer: binary (yes or no), multiclass (one of several), regression (a number), "
        "quantile (a number as quantiles) or count (a whole number from 0)",
        examples=["binary"],
    )
    classes: list[Words] = Field(
        default=[],
        description="the classes of task multiclass, as the label has them",
        examples=[["early", "on time", "late"]],
    )
    quantiles: list[Number] = Field(
        default=[],
        description="the levels of task quantile, rising, between 0 and 1",
        examples=[[0.1, 0.5, 0.9]],
    )
    positive: Words = Field(
        description="what label = true means, or what the number is, with its unit",
        examples=["arrives more than 15 minutes late"],
    )
    train_sprints: int = Field(
        default=6, ge=1, le=520, description="sprints a candidate learns from", examples=[6]
    )
    bootstrap_after: int = Field(
        default=6, ge=1, le=520, description="sprints before the first training", examples=[6]
    )
    new_data_rows: int = Field(
        ge=1, description="number of new labelled rows that triggers a training", examples=[40000]
    )
    time_budget_seconds: int = Field(
        default=60, ge=1, le=86400, description="longest time a training may take", examples=[60]
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="seed of everything random", examples=[7])

    @property
    def task_options(self) -> dict[str, list[Any]]:
        """What the task was given: `classes` or `quantiles`, where they are written."""
        return {name: list(found) for name in ("classes", "quantiles") if (found := getattr(self, name))}


class DriftSpec(Spec):
    """When drift counts: significant, larger than the usual variation, and lasting (`confirm` of `window` sprints)."""

    significance: Number = Field(
        default=0.05, gt=0, lt=0.5, description="false discovery rate of one sprint's tests", examples=[0.05]
    )
    distance: Number = Field(
        default=0.1, gt=0, description="smallest distance that counts, in standard deviations", examples=[0.1]
    )
    share: Number = Field(
        default=0.3, gt=0, le=1, description="share of features that drift together", examples=[0.3]
    )
    window: int = Field(default=3, ge=1, le=26, description="number of sprints considered", examples=[3])
    confirm: int = Field(
        default=2, ge=1, le=26, description="drifting sprints among them that confirm", examples=[2]
    )
    min_rows: int = Field(
        default=1000, ge=1, description="fewer rows are insufficient evidence", examples=[1000]
    )

    @classmethod
    def cross_checks(cls, raw: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[Cross]:
        """No more sprints confirm than are looked at."""
        window, confirm = raw.get("window", 3), raw.get("confirm", 2)
        if type(window) is int and type(confirm) is int and 1 <= window < confirm:
            yield ("confirm",), f"{confirm} of {window} sprints can never drift", f"write at most {window}"


class Waiver(Spec):
    """A rule that may fail for a while: who allowed it, why, and until when (last day, included)."""

    approver: Words = Field(description="who allowed it", examples=["sam.okafor@example.org"])
    reason: Words = Field(description="why", examples=["the provider replaces its sensor in July"])
    expires: IsoDate = Field(description="last day on which it is valid", examples=["2013-08-01"])


class RuleOverride(Spec):
    """What this product changes in a rule: severity, threshold, or a waiver."""

    severity: Severity | None = Field(
        default=None, description="error stops what lies downstream, warn does not", examples=["warn"]
    )
    threshold: Number | None = Field(
        default=None, description="instead of the rule's own threshold", examples=[0.05]
    )
    waiver: Waiver | None = Field(
        default=None,
        description="allows the failure for a time",
        examples=[
            {"approver": "sam.okafor@example.org", "reason": "sensor replaced", "expires": "2013-08-01"}
        ],
    )

    @classmethod
    def cross_checks(cls, raw: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[Cross]:
        """An override changes something, and every key that is written has a value."""
        keys = ("severity", "threshold", "waiver")
        if all(raw.get(key) is None for key in keys):
            yield (), "changes nothing", "give severity, threshold or waiver, or remove the entry"
        elif context.get("as_written"):  # a dumped model has None for what was never written
            for key in keys:
                if key in raw and raw[key] is None:
                    yield (key,), "is empty", "give it a value or remove the key"


class ProductSpec(Spec):
    """A data product as its team declares it.

    Validation takes `known_rules` from the context: `ProductSpec.model_validate(data, context={"known_rules": codes})`
    refuses rule codes outside that set; without it only their form is checked.
    """

    name: Name = Field(
        description="name of the product, its folder and its code location", examples=["flight_delays"]
    )
    title: Words = Field(description="the product in a few words", examples=["Flight delays"])
    description: Words = Field(
        description="what it answers and for whom", examples=["Will a flight arrive late?"]
    )
    team: TeamSpec = Field(
        description="who answers for it",
        examples=[{"name": "Punctuality", "owner": "dana.reyes@example.org"}],
    )
    owners: list[Owner] = Field(
        min_length=1, description="owners shown in Dagster", examples=[["team:punctuality"]]
    )
    calendar: CalendarSpec = Field(
        description="its sprints",
        examples=[{"start": "2013-01-01", "timezone": "America/New_York", "planned_until": "2014-07-01"}],
    )
    sources: list[SourceSpec] = Field(
        min_length=1,
        description="where its rows come from",
        examples=[[{"name": "departures", "contract": "contracts/departures.yaml"}]],
    )
    publishes: list[PublishedTable] = Field(
        default=[],
        description="lake tables that other products may read",
        examples=[[{"table": "departures", "contract": "contracts/departures.yaml"}]],
    )
    features: FeaturesSpec = Field(
        description="what the model reads",
        examples=[{"service": "flight_delays_v1", "views": ["carrier_delays"]}],
    )
    model: ModelSpec = Field(
        description="the question, and how a model learns it",
        examples=[{"label": "late", "positive": "arrives more than 15 minutes late", "new_data_rows": 40000}],
    )
    drift: DriftSpec = Field(
        default_factory=DriftSpec, description="when drift counts", examples=[{"share": 0.3}]
    )
    rules: dict[str, RuleOverride] = Field(
        default={}, description="changed rules, by code", examples=[{"DQ101": {"severity": "warn"}}]
    )

    @property
    def landed(self) -> list[SourceSpec]:
        """The sources for which files land."""
        return [source for source in self.sources if source.published is None]

    @property
    def read(self) -> dict[str, PublishedRef]:
        """The published tables of other products that it reads, by source."""
        return {source.name: source.published for source in self.sources if source.published is not None}

    @property
    def contracts(self) -> dict[str, str]:
        """The contract's file of each source for which files land."""
        return {source.name: source.contract for source in self.sources if source.contract is not None}

    @classmethod
    def cross_checks(cls, raw: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[Cross]:
        """No source, contract or owner is given twice, nor a name of another asset; every rule code exists."""
        sources = raw.get("sources")
        sources = sources if isinstance(sources, list) else []
        yield from _taken(sources, _mapping(raw.get("features")).get("views"))
        for key, thing in (("name", "source"), ("contract", "contract")):
            values = [source.get(key) if isinstance(source, Mapping) else None for source in sources]
            yield from _repeated(values, ("sources",), thing, (key,))
        yield from _unpublishable(raw)
        yield from _repeated(raw.get("owners"), ("owners",), "owner")
        known, fixed = context.get("known_rules"), context.get("fixed_rules") or ()
        for code, changed in _mapping(raw.get("rules")).items():
            if code in fixed and _mapping(changed).get("threshold") is not None:
                yield (
                    ("rules", code, "threshold"),
                    f"{code} has no threshold",
                    "remove it; severity and waiver have an effect",
                )
            if not _RULE_CODE.fullmatch(str(code)):
                yield (
                    ("rules", code),
                    f"{shown(code)} is not a rule code",
                    "write letters and three digits: DQ101",
                )
            elif known is not None and code not in known:
                yield ("rules", code), f"there is no rule {code}", suggest(code, sorted(known))


def parse_product(
    text: str,
    filename: str,
    known_rules: Collection[str] | None = None,
    fixed_rules: Collection[str] = (),
) -> ProductSpec:
    """The product declared in the text of a `defs.yaml`.

    Args:
        text: the file's content.
        filename: how messages name the file.
        known_rules: codes a `rules` entry may have; None checks only their form.
        fixed_rules: codes among them that have no threshold, so that none may be given.

    Raises:
        DeclarationError: with one line per mistake, `file:line: path: what is wrong; what would be right`.
    """
    yaml = read_yaml(text, filename)
    found = list(_component_mistakes(yaml))
    attributes = yaml.data.get("attributes")
    spec = None
    if isinstance(attributes, dict):
        found += yaml.templates(("attributes",))
        templated = {mistake.where for mistake in found}
        try:
            spec = ProductSpec.model_validate(
                attributes,
                context={"known_rules": known_rules, "fixed_rules": fixed_rules, "as_written": True},
            )
        except ValidationError as error:
            more = mistakes(error, ProductSpec, yaml, ("attributes",))
            found += [mistake for mistake in more if mistake.where not in templated]
    yaml.refuse(found)
    if (
        spec is None
    ):  # _component_mistakes reports attributes that are not a mapping, so this is never reached
        raise DeclarationError(
            filename, [Mistake(1, "attributes", "is missing", "declare the product under it")]
        )
    return spec


_COMPONENT_KEYS = ("type", "attributes", "template_vars_module", "requirements", "post_processing")


def _component_mistakes(yaml: LocatedYaml) -> Iterator[Mistake]:
    """Mistakes of the file as a Dagster component file, outside the product's own attributes."""
    for key in yaml.data:
        if key not in _COMPONENT_KEYS:
            hint = (
                "put it under `attributes`"
                if key in ProductSpec.model_fields
                else suggest(key, _COMPONENT_KEYS)
            )
            yield yaml.mistake((key,), "unknown key", hint)
    kind = yaml.data.get("type")
    if "type" not in yaml.data:
        yield yaml.mistake(("type",), "is missing", f"add `type: {COMPONENT}`")
    elif not isinstance(kind, str) or kind.rpartition(".")[2] != "DataProduct":
        yield yaml.mistake(("type",), f"{shown(kind)} is not a data product", f"write `type: {COMPONENT}`")
    attributes = yaml.data.get("attributes")
    if not isinstance(attributes, dict):
        state = "is missing" if attributes is None else f"{shown(attributes)} is not a mapping"
        yield yaml.mistake(
            ("attributes",), state, f"declare the product under it: {', '.join(ProductSpec.model_fields)}"
        )


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _taken(sources: Sequence[Any], views: Any) -> Iterator[Cross]:
    """Sources and views under a name that is another asset's: Dagster knows an asset by product and name."""
    names = [source.get("name") if isinstance(source, Mapping) else None for source in sources]
    views = views if isinstance(views, list) else []
    places: list[tuple[Any, KeyPath, str]] = [
        *((name, ("sources", n, "name"), "source") for n, name in enumerate(names)),
        *((view, ("features", "views", n), "view") for n, view in enumerate(views)),
    ]
    for name, path, thing in places:
        if name in PLATFORM_ASSETS:
            yield (
                path,
                f"{shown(name)} is an asset that every product has",
                f"give the {thing} another name",
            )
        elif thing == "view" and isinstance(name, str) and name in names:
            yield path, f"{shown(name)} is the name of a source", "give the view another name"


LAKE_ASSETS = ("question_features", "predictions")
"""Assets of every product, beside its sources and feature views, whose rows are a lake table."""


def _unpublishable(raw: Mapping[str, Any]) -> Iterator[Cross]:
    """Published tables that are given twice, or are not lake tables of the product."""
    entries = raw.get("publishes")
    tables = [_mapping(one).get("table") for one in entries] if isinstance(entries, list) else []
    yield from _repeated(tables, ("publishes",), "table", ("table",))
    sources, views = raw.get("sources"), _mapping(raw.get("features")).get("views")
    declared = [_mapping(one) for one in sources] if isinstance(sources, list) else []
    read = [one.get("name") for one in declared if one.get("published")]
    known = [one.get("name") for one in declared if one.get("name") not in read]
    known += [*(views if isinstance(views, list) else ()), *LAKE_ASSETS]
    for n, table in enumerate(tables):
        if not isinstance(table, str):
            continue
        path: KeyPath = ("publishes", n, "table")
        if table in read:
            right = "let readers name the product that publishes it"
            yield path, f"{shown(table)} is read from another product", right
        elif table not in known:
            yield path, f"{shown(table)} is not a lake table of the product", suggest(table, known)


def _repeated(values: Any, at: tuple[str, ...], thing: str, below: tuple[str, ...] = ()) -> Iterator[Cross]:
    """Entries of a list that were there before."""
    first: dict[Any, int] = {}
    for index, value in enumerate(values if isinstance(values, list) else ()):
        if isinstance(value, str | date):
            if value in first:
                path: KeyPath = (*at, index, *below)
                wrong = f"the {thing} {shown(str(value))} is given twice"
                yield path, wrong, f"keep one; the first is number {first[value] + 1}"
            first.setdefault(value, index)


DECLARATIONS = (
    Declaration(
        file="defs.yaml",
        title="the product itself, as a Dagster component file",
        spec=ProductSpec,
        required=True,
        at=("attributes",),
        parse=lambda text, filename, known: parse_product(
            text, filename, known.get("known_rules"), known.get("fixed_rules", ())
        ),
        made_by="sprintline new PRODUCT",
        about="Every product has it: Dagster loads the product from it.",
    ),
)
