"""The gateway's HTTP server: `python -m sprintline.serving.gateway.server PORT EVERY PRODUCT...`.

`sprintline serve` prepares the products and becomes this process, which imports neither dagster, MLflow, scikit-learn
nor pandas, and never opens the warehouse.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Litestar, Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.status_codes import HTTP_200_OK
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from sprintline.base import settings
from sprintline.base.clock import Clock
from sprintline.base.version import VERSION
from sprintline.mechanisms.process_table import LOOPBACK
from sprintline.serving.gateway.answering import Answer, BadRequest
from sprintline.serving.gateway.log import Entry
from sprintline.serving.gateway.products import Products, Served
from sprintline.serving.gateway.tokens import Bearer, Doorkeeper, TokenRefused

LARGEST_BODY = 2_000_000
MOST_ROWS = 1_000
ROUTE = "predict"
JSON = "application/json"


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """Rows to be predicted: the model's inputs, or the keys by which its features are looked up."""

    rows: Annotated[
        list[dict[str, int | float | str | bool | None]], msgspec.Meta(min_length=1, max_length=MOST_ROWS)
    ]


class FeatureState(msgspec.Struct):
    """fresh, stale, missing or ahead; and the moment that the values are of, None where there are none."""

    state: str
    event_at: datetime | None


class Predicted(msgspec.Struct):
    """A row's answer. prediction: by column, as closings name them."""

    prediction_id: str
    prediction: dict[str, float | str]
    features: dict[str, FeatureState]


class Answered(msgspec.Struct):
    """The rows' answers, in their order. at: the moment they were asked at, by the platform's clock."""

    request_id: str
    product: str
    model_id: str
    release_digest: str | None
    at: datetime
    predictions: list[Predicted]


class Problem(msgspec.Struct):
    """Why there is no answer."""

    error: str
    request_id: str


class Figures:
    """What `/metrics` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ["product"]
        self.requests = Counter(
            "sprintline_requests", "Requests by status.", [*names, "status"], registry=self.registry
        )
        self.predictions = Counter(
            "sprintline_predictions", "Predictions acknowledged.", names, registry=self.registry
        )
        self.unlogged = Counter(
            "sprintline_log_failures",
            "Requests refused because the log failed.",
            names,
            registry=self.registry,
        )
        self.seconds = Histogram(
            "sprintline_answer_seconds", "Seconds from a request to its commit.", names, registry=self.registry,
            buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5),
        )  # fmt: skip
        self.following = Gauge(
            "sprintline_following", "1 where the newest release and features are served.", names,
            registry=self.registry,
        )  # fmt: skip


def build(home: settings.Home, products: Sequence[str], every: float, doors: Doorkeeper) -> Litestar:
    """The application."""
    served, figures, clock = Products(home, products, every), Figures(), Clock(home.clock)

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        served.start()
        yield
        await asyncio.to_thread(served.stop)

    def enter(request: Request[Any, Any, Any], product: str, purpose: str) -> Bearer:
        """Who asks, where they may. Raises HTTPException, which tells a stranger nothing of what there is."""
        try:
            bearer = doors.bearer(request.headers.get("authorization"))
        except TokenRefused as why:
            _note(request, str(why))
            raise HTTPException("a valid token is needed: sprintline token new", status_code=401) from None
        if not bearer.may(product, purpose):
            raise HTTPException(f"the token of {bearer.name} is not for {product}:{purpose}", status_code=403)
        return bearer

    def of(product: str) -> Served:
        if (found := served.served.get(product)) is None:
            raise HTTPException(f"{product[:80]} is not served here", status_code=404)
        return found

    @post(
        "/v1/products/{product:str}/predict", status_code=HTTP_200_OK, summary="Predict rows by the live release",
        # The body is read by hand: so who has no token learns nothing from how it is refused.
        request_max_body_size=LARGEST_BODY,
    )  # fmt: skip
    async def predict(request: Request[Any, Any, Any], product: str) -> Response[Answered]:
        begun = time.perf_counter()
        bearer = enter(request, product, ROUTE)
        one = of(product)
        answering = one.answering
        if answering is None:
            raise HTTPException(f"{product} cannot answer yet: {one.trouble}", status_code=503)
        try:
            asked = msgspec.json.decode(await request.body(), type=Asked)
            at = clock.now()
            answers = answering.answer(asked.rows, at)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise HTTPException(f"the body is not as it should be: {error}", status_code=400) from error
        except BadRequest as error:
            raise HTTPException(str(error), status_code=422) from error
        given = Answered(
            _id(request), product, answering.release.model_id, answering.release.digest, at,
            [
                Predicted(
                    secrets.token_hex(12), answer.predictions,
                    {view: FeatureState(*state) for view, state in answer.features.items()},
                )
                for answer in answers
            ],
        )  # fmt: skip
        spent = time.perf_counter() - begun
        entries = [
            _entry(given, answer, predicted, row, bearer.name, answering.sprint(at), answering.name, spent)
            for row, answer, predicted in zip(asked.rows, answers, given.predictions, strict=True)
        ]
        try:
            await _committed(one, entries)
        except Exception as error:
            figures.unlogged.labels(product).inc()
            _note(request, f"the prediction log of {product} cannot be written: {error}")
            raise HTTPException(
                "the prediction could not be logged, so it is not given", status_code=503
            ) from error
        figures.requests.labels(product, "200").inc()
        figures.predictions.labels(product).inc(len(entries))
        figures.seconds.labels(product).observe(time.perf_counter() - begun)
        return Response(given, media_type=JSON)

    @get("/healthz", summary="The process is alive")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @get("/readyz", summary="Every product answers, by the newest release and features")
    async def readyz() -> Response[dict[str, Any]]:
        told = {
            name: {"answers": one.answering is not None, "follows": one.trouble is None}
            for name, one in served.served.items()
        }
        ready = all(one["answers"] for one in told.values())
        return Response(
            {"ready": ready, "products": told}, status_code=200 if ready else 503, media_type=JSON
        )

    @get("/metrics", summary="Counts and latencies, as Prometheus reads them")
    async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        enter(request, "*", "metrics")
        for name, one in served.served.items():
            figures.following.labels(name).set(one.answering is not None and one.trouble is None)
        return Response(generate_latest(figures.registry), media_type="text/plain; version=0.0.4")

    def problem(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
        known = isinstance(error, HTTPException)
        status = error.status_code if isinstance(error, HTTPException) else 500
        if not known:
            _note(request, f"{type(error).__name__}: {error}")
        product = str(request.path_params.get("product", ""))
        if product in served.served:  # a stranger's words make no new series
            figures.requests.labels(product, str(status)).inc()
        told = str(error.detail) if isinstance(error, HTTPException) else "an error of the gateway"
        return Response(Problem(told, _id(request)), status_code=status, media_type=JSON)

    return Litestar(
        [predict, healthz, readyz, metrics],
        lifespan=[running],
        exception_handlers={Exception: problem, HTTPException: problem},
        openapi_config=OpenAPIConfig("Sprintline gateway", VERSION, path="/openapi", render_plugins=[]),
        request_max_body_size=LARGEST_BODY,
        logging_config=None,
    )


async def _committed(one: Served, entries: Sequence[Entry]) -> None:
    """Returns once the entries are on the disk. Raises what kept them from it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def told(why: Exception | None) -> None:
        loop.call_soon_threadsafe(_settle, done, why)

    one.log.add(entries, told)
    await done


def _settle(done: asyncio.Future[None], why: Exception | None) -> None:
    if done.cancelled():
        return  # who asked has gone; the log has it all the same
    if why is None:
        done.set_result(None)
    else:
        done.set_exception(why)


def _entry(
    given: Answered, answer: Answer, predicted: Predicted, row: dict[str, Any], who: str, sprint: str, snapshot: str,
    spent: float,
) -> Entry:  # fmt: skip
    return Entry(
        predicted.prediction_id, given.request_id, given.at.astimezone(UTC).isoformat(), sprint, given.product,
        given.model_id, given.release_digest, snapshot, who, ROUTE, row, answer.inputs,
        msgspec.to_builtins(predicted.features), answer.predictions, round(spent, 6),
    )  # fmt: skip


def _id(request: Request[Any, Any, Any]) -> str:
    """The id of a request, made when first asked for."""
    state = request.scope["state"]
    if "request_id" not in state:
        state["request_id"] = secrets.token_hex(8)
    return str(state["request_id"])


def _note(request: Request[Any, Any, Any], text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} request {_id(request)}: {text}\n")
    sys.stderr.flush()


def main() -> None:
    """Serve on loopback until the process is asked to end."""
    import uvicorn

    port, every, *products = sys.argv[1:]
    home, keys = settings.home(), settings.keys_folder()
    if keys is None:
        raise SystemExit("SPRINTLINE_KEYS: set it to a folder; tokens are signed by a key in it")
    app = build(home, products, float(every), Doorkeeper(keys, home.serving))
    uvicorn.run(
        app, host=LOOPBACK, port=int(port), log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=10,
    )  # fmt: skip


if __name__ == "__main__":
    main()
