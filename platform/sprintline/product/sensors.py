"""What sensors share: their definition, and the runs they started before: which are running, which failed, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import (
    AssetCheckSeverity,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster._utils.error import SerializableErrorInfo

from sprintline.mechanisms.registry import modules
from sprintline.product.run_errors import RunError, of_error
from sprintline.product.tries import ATTEMPTS

INTERRUPTED_TAG = "sprintline/interrupted"
"""On a run that ended because the platform was stopped."""


STOPPED_TAG = "sprintline/stopped"
"""On a run that a person stopped; others are canceled when the platform ends."""


UNFINISHED = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


FAILED = [DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def failed(runs: Iterable[DagsterRun]) -> list[DagsterRun]:
    """Those that failed or were stopped by a person; runs that ended with the platform do not count."""
    return [
        run
        for run in runs
        if INTERRUPTED_TAG not in run.tags
        and (
            run.status is DagsterRunStatus.FAILURE
            or (run.status is DagsterRunStatus.CANCELED and STOPPED_TAG in run.tags)
        )
    ]


_STOPPED = "DagsterAssetCheckFailedError"
"""What Dagster raises after a step of which a blocking check fails; it names the check and not what it says."""


def error_of(instance: DagsterInstance, run: DagsterRun) -> RunError:
    """Why a run failed: the error of its step, the checks that stopped it, or what became of its process."""
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        if event is None or event.step_failure_data.error is None:
            continue
        failure, error, step = (
            event.step_failure_data.user_failure_data,
            event.step_failure_data.error,
            str(event.step_key),
        )
        if error.cls_name == _STOPPED and (told := _stopping_checks(instance, run, step)):
            return RunError("; ".join(told), step=step)
        return of_error(error, step, failure.description if failure else None)
    ends = {DagsterEventType.RUN_FAILURE, DagsterEventType.RUN_CANCELED}
    for entry in instance.all_logs(run.run_id, of_type={*ends, DagsterEventType.ENGINE_EVENT}):
        event = entry.dagster_event
        if event is None:
            continue
        # Code that does not load in the run's process stops it before any step.
        data: Any = event.event_specific_data
        if (met := getattr(data, "error", None)) is not None:
            return of_error(met)
        if event.event_type in ends and event.message:
            return RunError(" ".join(event.message.split()))
    return RunError("no reason was recorded")


def _stopping_checks(instance: DagsterInstance, run: DagsterRun, step: str) -> list[str]:
    """What the checks say that a step stopped at; none when it failed for another reason."""
    found = []
    for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION):
        event = entry.dagster_event
        if event is None or event.step_key != step:
            continue
        check = event.asset_check_evaluation_data
        if not check.passed and check.severity is AssetCheckSeverity.ERROR and check.blocking:
            told = " ".join((check.description or check.check_name).split())
            found.append(f"{check.check_name.partition('_')[0]} on {check.asset_key.path[-1]}: {told}")
    return found


def error_message(error: SerializableErrorInfo) -> str:
    """The platform's own message in a chain of errors, which names the fix; without one, the innermost cause."""
    return str(of_error(error))


PRODUCT_TAG, SPRINT_TAG, FILES_TAG = "sprintline/product", "sprintline/sprint", "sprintline/files"


PRIORITY_TAG = "dagster/priority"


PARTITION_TAG = "dagster/partition"


TRY_TAG = "sprintline/try"
"""On a run: the code and the retries it was tried with (`product.tries`)."""


@dataclass(frozen=True)
class Earlier:
    """The runs that a sensor started before for the same reason, newest first.

    tags: by which they are found. tried: of `Tries.of`, with what the next one is tried; failures with another count
    no more.
    """

    tags: Mapping[str, str]
    tried: str
    runs: tuple[DagsterRun, ...]

    @classmethod
    def of(cls, instance: DagsterInstance, tags: Mapping[str, str], tried: str) -> Earlier:
        """Those with all these tags."""
        found = instance.get_run_records(RunsFilter(tags=dict(tags)))
        return cls(tags, tried, tuple(record.dagster_run for record in found))

    @property
    def running(self) -> str | None:
        """Short id of the newest run while one is queued or running."""
        return self.runs[0].run_id[:8] if any(run.status in UNFINISHED for run in self.runs) else None

    @property
    def failures(self) -> list[DagsterRun]:
        """The failed runs of this try."""
        return failed(run for run in self.runs if run.tags.get(TRY_TAG) == self.tried)

    @property
    def given_up(self) -> list[DagsterRun]:
        """The failed runs of this try, when there are `ATTEMPTS` of them and a person has to act."""
        return self.failures if len(self.failures) >= ATTEMPTS else []

    def next(
        self, key: str, sprint: str, more: Mapping[str, str] | None = None, **options: Any
    ) -> RunRequest:
        """The request of the next run; the same one until it has started. key: the reason."""
        return RunRequest(
            run_key=f"{key}:{self.tried}:{len(self.runs)}",
            partition_key=sprint,
            tags={**self.tags, TRY_TAG: self.tried, **(more or {})},
            **options,
        )


def sensor_names(product: str) -> frozenset[str]:
    """Names of all sensors of a product: `<product>_<what>`, for each `what` that a subject's `sensors.py` lists.

    Two products may begin alike: `shop_eu_landing` is no sensor of `shop`.
    """
    listed = (getattr(module, "SENSORS", ()) for module in modules("sensors"))
    return frozenset(f"{product}_{what}" for each in listed for what in each)


def given_up_sentence(sprint: str, attempts: Sequence[DagsterRun], what: str, why: object) -> str:
    """After so many failed runs, newest first, a person is asked: why the newest failed, and what starts another."""
    return (
        f"{sprint} failed {len(attempts)} times {what}, {why} (run {attempts[0].run_id[:8]}): fix that; a changed file "
        f"of code starts it again by itself, else: sprintline retry {sprint}"
    )


def tried_before(instance: DagsterInstance, earlier: Earlier) -> str:
    """Why the runs before the present one failed, in brackets; nothing at the first."""
    if not (before := earlier.failures):
        return ""
    return f" (try {len(before) + 1} of {ATTEMPTS}; before: {error_of(instance, before[0])})"


def going_on(instance: DagsterInstance, product: str, sprint: str) -> list[DagsterRun]:
    """Runs of a sprint that are queued or running, whoever started them, newest first."""
    found = instance.get_run_records(RunsFilter(tags={PARTITION_TAG: sprint}, statuses=UNFINISHED))
    return [record.dagster_run for record in found if product_of(record.dagster_run) == product]


def product_of(run: DagsterRun) -> str | None:
    """The product a run works for: what its sensor wrote on it, else that of its assets or its code location."""
    if PRODUCT_TAG in run.tags:
        return run.tags[PRODUCT_TAG]
    if run.asset_selection:
        return next(iter(run.asset_selection)).path[0]
    if run.asset_check_selection:
        return next(iter(run.asset_check_selection)).asset_key.path[0]
    origin = run.remote_job_origin
    return origin.repository_origin.code_location_origin.location_name if origin else None


def platform_sensor(
    name: str,
    description: str,
    tick: Callable[[SensorEvaluationContext], SensorResult | SkipReason],
    seconds: int,
    **target: Any,
) -> SensorDefinition:
    """A sensor that is on by default. seconds: at least between two ticks. target: `job` or `job_name`."""
    return sensor(
        name=name,
        description=description,
        minimum_interval_seconds=seconds,
        default_status=DefaultSensorStatus.RUNNING,
        **target,
    )(tick)
