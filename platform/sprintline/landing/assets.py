"""Raw: what providers dropped or other products published, under contract, into the lake.

One asset per source, one partition per sprint.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import dagster as dg

from sprintline.base.steps import StepFailed
from sprintline.lake.tables import Lake
from sprintline.landing.events import REFUSED
from sprintline.landing.facts import SourceFacts
from sprintline.landing.folder import BadFile, Landing
from sprintline.landing.odcs import Contracts
from sprintline.landing.published import UPSTREAM, Feed, NotReady, Ready, Upstream, feed_of, read_rows
from sprintline.landing.rules import KEEPS_ITS_CONTRACT
from sprintline.landing.terms import terms_of
from sprintline.mechanisms.backlog.update import update_from_verdicts
from sprintline.mechanisms.declaration.located_yaml import DeclarationError
from sprintline.mechanisms.rules.checks import checks_for, report_refusal
from sprintline.mechanisms.rules.run_rules import judge
from sprintline.product import assets as shell
from sprintline.product.held import refuse_contradictions
from sprintline.product.runtime import Runtime
from sprintline.product.spec import SourceSpec

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.landing.contracts import Column
    from sprintline.landing.files import LandedFile


def definitions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> Iterator[Any]:
    """The assets and checks of every source a product declares."""
    for source in runtime.spec.sources:
        make = _source_asset if source.published is None else _published_asset
        yield make(runtime, source, partitions)
        yield from checks_for(runtime, source.name, "source", partitions)


def _source_asset(
    runtime: Runtime, source: SourceSpec, partitions: dg.PartitionsDefinition
) -> dg.AssetsDefinition:
    contract = runtime[Contracts][source.name]

    @dg.asset(
        **shell.asset_arguments(runtime, source.name, "raw", partitions, kinds={"deltalake"}),
        description=contract.description,
        metadata={
            "dagster/column_schema": column_schema(contract.columns),
            "contract": source.contract,
        },
        pool=shell.POOL,
    )
    @shell.in_words(runtime)
    def landed(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        sprint = context.partition_key
        refuse_contradictions(runtime)
        file = runtime[Landing].scan(runtime.product, source.name).files.get(sprint)
        if file is None:
            return _rows_in_lake(runtime, source.name, sprint)
        frame, order = accept(context, runtime, source.name, file)
        commit = runtime[Lake].write(runtime.table(source.name), sprint, frame, order, contract.types)
        facts: SourceFacts = {
            "rows": commit.rows,
            "row_bounds": list(contract.row_bounds) if contract.row_bounds else None,
            "file": file.path.name,
            "file_digest": file.digest,
            "terms": terms_of(contract),
            "landed_by": runtime.clock.now().isoformat(),
        }
        before = runtime.measured(source.name, sprint)
        if before and before.data_version == commit.data_version and "landed_by" in before.facts:
            facts["landed_by"] = before.facts["landed_by"]
        runtime.measure(source.name, sprint, commit.data_version, facts)
        return shell.materialized(
            commit.data_version,
            {
                "dagster/row_count": commit.rows,
                "file": file.path.name,
                "sample": shell.sample(frame, contract.personal_columns),
            },
        )

    return landed


def _published_asset(
    runtime: Runtime, source: SourceSpec, partitions: dg.PartitionsDefinition
) -> dg.AssetsDefinition:
    reference = runtime.spec.read[source.name]
    about: dict[str, Any] = {
        "published": f"{reference.product}.{reference.table}, contract version {reference.version}"
    }
    table = f"{reference.product}.{reference.table}"
    description = f"A table of another product, as published. Rows of {table}, as they closed there."
    mapping = None
    try:
        feed = feed_of(runtime, source.name)
    except NotReady as waits:
        # The reader loads all the same: its sensor and this asset say why its sprints wait.
        about["waits"] = str(waits)
    else:
        description = f"{description} {feed.contract.description}".strip()
        about["dagster/column_schema"] = column_schema(feed.contract.columns)
        mapping = _by_time(runtime, feed)

    @dg.asset(
        **shell.asset_arguments(runtime, source.name, "raw", partitions, kinds={"deltalake"}),
        deps=[dg.AssetDep(dg.AssetKey([reference.product, reference.table]), partition_mapping=mapping)],
        description=description,
        metadata=about,
        pool=shell.POOL,
    )
    @shell.in_words(runtime)
    def published(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        window = runtime.window(context.partition_key)
        refuse_contradictions(runtime)
        try:
            upstream = Upstream.of(runtime, source.name)
            ready = upstream.at(window)
            frame = read_rows(upstream, ready, window)
        except NotReady as waits:
            raise StepFailed(
                f"{window.key} waits {waits}; the landing sensor tries again by itself"
            ) from waits
        except DeclarationError as error:
            raise StepFailed(str(error)) from error
        except BadFile as bad:
            refuse_published(context, runtime, source.name, window.key, upstream, ready, bad)
        contract = upstream.feed.contract
        order = list(contract.key) or ["event_at", "known_at"]
        commit = runtime[Lake].write(runtime.table(source.name), window.key, frame, order, contract.types)
        facts: SourceFacts = {
            "rows": commit.rows,
            "row_bounds": list(contract.row_bounds) if contract.row_bounds else None,
            "contract": f"{contract.name} {contract.version}",
            "published": upstream.feed.version,
            UPSTREAM: ready.digest,
            "upstream_versions": dict(ready.versions),
            "volumes": upstream.volumes(ready),
            # A replay has its own clock, but it reads no row before the publisher's sprint had closed.
            "landed_by": max(runtime.clock.now(), ready.since).isoformat(),
        }
        runtime.measure(source.name, window.key, commit.data_version, facts)
        return shell.materialized(
            commit.data_version,
            {
                "dagster/row_count": commit.rows,
                "published": upstream.feed.version,
                "upstream": ", ".join(f"{key} {version[:12]}" for key, version in ready.versions.items()),
                "sample": shell.sample(frame, contract.personal_columns),
            },
        )

    return published


def _by_time(runtime: Runtime, feed: Feed) -> dg.PartitionMapping:
    """Which of the reader's sprints read which of the publisher's."""
    read: dict[str, list[str]] = {}
    for window in runtime.calendar.sprints:
        for one in feed.overlapping(window):
            read.setdefault(one.key, []).append(window.key)
    return dg.StaticPartitionMapping(read)


def refuse_published(
    context: dg.AssetExecutionContext,
    runtime: Runtime,
    source: str,
    sprint: str,
    upstream: Upstream,
    ready: Ready,
    bad: Exception,
) -> NoReturn:
    """Record that a publisher's rows were refused; the reader's lake keeps what it had.

    Raises dg.Failure, always.
    """
    rule, table = KEEPS_ITS_CONTRACT, upstream.feed.version
    evidence = {"refused": str(bad), "published": table}
    verdict = judge(runtime, rule, source, sprint, evidence, ready.digest)
    runtime.records.record_verdicts([verdict])
    attempt = upstream.attempt(ready)
    body = {"source": source, "file": table, "reason": str(bad), UPSTREAM: attempt}
    runtime.records.append(
        REFUSED, runtime.product, sprint, shell.actor(context), key=f"{source}:{attempt}", body=body
    )
    update_from_verdicts(runtime, sprint, shell.actor(context))
    report_refusal(context, rule, verdict)
    raise dg.Failure(
        f"rows of {table} were refused: {bad}. Ask the team of {upstream.feed.product}: the sprint continues by itself "
        f"when it restates {upstream.feed.table} or changes its contract",
        metadata={"reason": str(bad)},
        allow_retries=False,
    )


def _rows_in_lake(runtime: Runtime, source: str, sprint: str) -> dg.MaterializeResult:
    table = runtime.table(source)
    version = runtime[Lake].data_version(table, sprint) if runtime[Lake].has(table, sprint) else None
    if version is None:
        raise dg.Failure(
            f"no file of {source} has landed for {sprint}; drop one as "
            f"landing/{runtime.product}/{source}/{sprint}.csv (or .csv.gz, .parquet)",
            allow_retries=False,
        )
    recorded = runtime.measured(source, sprint)
    if recorded and recorded.data_version != version:
        raise dg.Failure(
            f"no file of {source} is in landing/ for {sprint}, and its rows in the lake differ from what was recorded "
            f"({recorded.data_version[:12]} recorded, {version[:12]} now): put the recorded rows back with `sprintline "
            f"recover {runtime.product}`, drop the file again, or restore a backup",
            allow_retries=False,
        )
    rows = runtime[Lake].rows(table, sprint)
    return shell.materialized(
        version,
        {"dagster/row_count": rows, "note": "no file in landing/: the rows in the lake are unchanged"},
    )


def accept(
    context: dg.AssetExecutionContext, runtime: Runtime, source: str, file: "LandedFile"
) -> "tuple[pd.DataFrame, list[str]]":
    """A landed file's rows with their moments, and their sort order.

    Raises dg.Failure for a bad file, which goes to quarantine, and for one still being written.
    """
    from sprintline.landing.folder import BadFile, UnsettledFile, check_known_at, check_window

    contract, window = runtime[Contracts][source], runtime.window(file.sprint)
    try:
        read = runtime[Landing].read(file, contract, window)
        frame = with_moments(runtime, source, read)
        # Moments that the contract names are checked while the file is read; those of sources.py are checked here.
        if frame is not read or contract.event_at is None:
            check_window(frame, window, first_line=file.first_line)
        if frame is not read or contract.known_at is None:
            check_known_at(frame, first_line=file.first_line)
    except BadFile as bad:
        refuse(context, runtime, source, file, bad)
    except UnsettledFile as moving:
        raise dg.Failure(
            f"{moving}; the landing sensor tries again by itself", allow_retries=False
        ) from moving
    return frame, list(contract.key) or ["event_at", "known_at"]


def with_moments(runtime: Runtime, source: str, frame: "pd.DataFrame") -> "pd.DataFrame":
    """Rows with `event_at` and `known_at`, by the contract's columns or the product's function for the source."""
    shape = getattr(runtime.sources, source, None) if runtime.sources else None
    shaped = shape(frame) if shape is not None else frame
    missing = {"event_at", "known_at"} - set(shaped.columns)
    if missing:
        place = f"{source}() in sources.py returned" if shape else f"the contract of {source} names"
        raise dg.Failure(
            f"{place} no {' and no '.join(sorted(missing))}: let the contract's eventAt and knownAt name UTC timestamp "
            f"columns, or add them in {runtime.folder / 'sources.py'}: {source}(frame)",
            allow_retries=False,
        )
    return shaped


def refuse(
    context: dg.AssetExecutionContext, runtime: Runtime, source: str, file: "LandedFile", bad: Exception
) -> None:
    """Move a bad file to quarantine with its reason and record the verdict; the lake does not change.

    Raises dg.Failure, always: the step has no rows to continue with.
    """
    from sprintline.landing.folder import UnsettledFile

    rule = KEEPS_ITS_CONTRACT
    verdict = judge(runtime, rule, source, file.sprint, {"refused": str(bad)}, file.digest)

    def record(place: Path) -> None:
        """Before the file is moved: one that is gone from landing/ is never read again, so its reason would be lost."""
        runtime.records.record_verdicts([verdict])
        where = str(place.relative_to(runtime.home.root))
        body = {"source": source, "file": file.path.name, "reason": str(bad), "quarantine": where}
        runtime.records.append(
            REFUSED, runtime.product, file.sprint, shell.actor(context), key=file.digest, body=body
        )
        update_from_verdicts(runtime, file.sprint, shell.actor(context))

    try:
        place = runtime[Landing].quarantine(file, bad, record)
    except UnsettledFile as moving:
        raise dg.Failure(
            f"{moving}; the landing sensor tries again by itself", allow_retries=False
        ) from moving
    where = place.relative_to(runtime.home.root)
    report_refusal(context, rule, verdict)
    raise dg.Failure(
        f"{file.path.name} of {source} was refused: {bad}. It is in {where}; drop the fixed file as "
        f"landing/{runtime.product}/{source}/{file.path.name} and the sprint continues by itself",
        metadata={"reason": str(bad), "quarantine": str(where)},
        allow_retries=False,
    )


def column_schema(columns: "Iterable[Column]") -> dg.TableSchema:
    """A contract's columns as Dagster's column schema, the classification as a tag."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.logical_type,
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=not column.required, unique=column.unique),
                tags={"classification": column.classification} if column.classification else {},
            )
            for column in columns
        ]
    )
