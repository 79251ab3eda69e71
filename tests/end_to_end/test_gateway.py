"""`sprintline serve` answers as a closing does, by what is live, to whom may ask, and loses nothing it acknowledged."""

from __future__ import annotations

import csv
import dataclasses
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest
from tests.parts import require

from sprintline.base.settings import ROOT
from sprintline.mechanisms.process_table import free_port
from sprintline.serving.gateway.log import logged

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

PREDICT = "/v1/products/parcels/predict"
#: What the gateway must not have in memory: what it would cost, and what it could load.
KEPT_OUT = ("dagster", "mlflow", "sklearn", "pandas", "feast", "pyarrow", "duckdb", "skops", "joblib")

ANSWERS = """
import json, sys
from datetime import datetime
from sprintline.base import settings
from sprintline.serving.gateway import server
from sprintline.serving.gateway.products import Products

served = Products(settings.home(), ["parcels"], 60)
served.start()
one = served.served["parcels"]
assert one.answering, one.trouble
asked = json.loads(sys.stdin.read())
one.answering.answer(asked["rows"], datetime.fromisoformat("2026-02-01T00:00:00+00:00"))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


class Gateway:
    """A gateway of a clone on a port of its own."""

    def __init__(self, clone) -> None:
        self.clone, self.port = clone, free_port(0)
        self.log = clone.root / f"gateway-{self.port}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-W", "ignore", "-m", "sprintline.cli.main", "serve", "parcels",
                    "--port", str(self.port), "--every", "0.3",
                ],
                cwd=clone.root, env=clone.env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + 120
        while not self._alive() and self.process.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        assert self._alive(), self.log.read_text()

    def _alive(self) -> bool:
        try:
            return self.ask("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def ask(self, method: str, path: str, body: object = None, token: str | None = None) -> tuple[int, dict]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = body if isinstance(body, str | bytes | None) else json.dumps(body)
        try:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        return answer.status, json.loads(text) if text.startswith("{") else {"text": text}

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) in (0, -signal.SIGINT, -signal.SIGKILL)


def close(clone, sprints: int) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "tests/closings.py"), str(sprints), "parcels"],
        cwd=clone.root, env=clone.env, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def token(clone, *arguments: str) -> str:
    return clone.run("token", "new", "anna", *arguments).stdout.strip()


@pytest.fixture(scope="module")
def live(clone):
    """A product whose third sprint made the first model live."""
    assert "has no live model yet" in clone.run("serve", check=False).stderr
    close(clone, 3)
    return clone


@pytest.fixture(scope="module")
def gateway(live):
    started = Gateway(live)
    yield started
    started.end()


@pytest.fixture(scope="module")
def bearer(live):
    return token(live, "--product", "parcels")


@pytest.fixture(scope="module")
def rows(live) -> list[dict]:
    """Questions of the last sprint as a caller knows them: the columns of the order, none of the features."""
    import duckdb

    manifest = json.loads(next(live.state.glob("models/releases/*/manifest.json")).read_text())
    declared = json.loads((live.state / "features/parcels/declared.json").read_text())
    features = {name for view in declared["views"].values() for name in view}
    inputs = [
        one for kind in ("numeric", "categorical") for one in manifest["inputs"][kind] if one not in features
    ]
    columns = ", ".join(dict.fromkeys([*inputs, "courier"]))
    with duckdb.connect(str(live.state / "warehouse/parcels.duckdb"), read_only=True) as connection:
        found = connection.execute(
            f"select {columns} from marts.questions where sprint = '2026-S03' order by question_id limit 50"
        )
        names = [one[0] for one in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_it_answers_as_the_command_that_predicts_a_file(live, gateway, bearer, rows, tmp_path):
    status, told = gateway.ask("POST", PREDICT, {"rows": rows}, bearer)
    assert status == 200, told
    file = tmp_path / "rows.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    live.run("predict", "parcels", "--input", str(file), "--output", str(tmp_path / "out.csv"))
    with (tmp_path / "out.csv").open() as read:
        expected = [float(row["probability"]) for row in csv.DictReader(read)]
    assert [one["prediction"]["probability"] for one in told["predictions"]] == pytest.approx(
        expected, abs=1e-9
    )
    assert len(set(expected)) > 10, "rows differ, and so do their answers"
    states = {state["state"] for one in told["predictions"] for state in one["features"].values()}
    assert states <= {"fresh", "stale", "missing"} and states

    # A feature that is given is used, instead of that of the store.
    view = next(iter(told["predictions"][0]["features"]))
    declared = json.loads((live.state / "features/parcels/declared.json").read_text())["views"][view]
    given = rows[0] | dict.fromkeys(declared, 0.9)
    status, other = gateway.ask("POST", PREDICT, {"rows": [given]}, bearer)
    assert status == 200 and other["predictions"][0]["features"] == {}
    assert other["predictions"][0]["prediction"] != told["predictions"][0]["prediction"]

    # And all of it is logged, with what the model was given.
    (one,) = json.loads(
        live.run("predictions", "parcels", other["predictions"][0]["prediction_id"], "--json").stdout
    )
    assert one["who"] == "anna" and one["predictions"] == other["predictions"][0]["prediction"]
    assert one["row"] == given and one["request_id"] == other["request_id"]
    assert one["release_digest"] == told["release_digest"] and one["sprint"].startswith("2026-S0")
    assert (
        told["predictions"][0]["prediction_id"] in live.run("predictions", "parcels", "--limit", "60").stdout
    )


def wrong(row: dict, **other: object) -> dict:
    return {"rows": [row | other]}


def without(row: dict, name: str) -> dict:
    return {"rows": [{key: value for key, value in row.items() if key != name}]}


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (lambda row: "", 400, "body"),
        (lambda row: "{", 400, "body"),
        (lambda row: {"rows": []}, 400, "length"),
        (lambda row: {"rows": [row] * 1_001}, 400, "length"),
        (lambda row: {"rows": [row], "more": 1}, 400, "more"),
        (lambda row: {"rows": [[1]]}, 400, "rows[0]"),
        (lambda row: wrong(row, parcels={"a": 1}), 400, "rows"),
        (lambda row: wrong(row, parcel=1), 422, "rows[0]: 'parcel' is neither an input of the model nor a key"),
        (lambda row: without(row, "parcels"), 422, "rows[0] has no parcels"),
        (lambda row: without(row, "courier"), 422, "rows[0] has no courier"),
        (lambda row: {"rows": [row, row | {"parcels": "three"}]}, 422, "rows[1]: 'parcels' is 'three', no number"),
        (lambda row: wrong(row, parcels=1e39), 422, "beyond 3.4e38"),
        (lambda row: wrong(row, parcels=10**400), 422, "beyond 3.4e38"),
        (lambda row: json.dumps(wrong(row, parcels=1)).replace('"parcels": 1', '"parcels": NaN'), 400, "body"),
        (lambda row: wrong(row, courier=5), 422, "courier"),
        (lambda row: wrong(row, district=True), 422, "'district' is True, no text"),
        (lambda row: wrong(row, district="x" * 1_001), 422, "1,001 characters"),
        (lambda row: "x" * 2_000_001, 413, ""),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_with_place_and_reason(gateway, bearer, rows, body, status, told):
    found, answer = gateway.ask("POST", PREDICT, body(rows[0]), bearer)
    assert (found, told in answer["error"]) == (status, True), answer
    assert set(answer) == {"error", "request_id"} and "Traceback" not in answer["error"]
    assert "/" not in answer["error"].replace("inputs/", ""), "no path of the machine is told"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_900_000, b'{"rows":[' + b"[" * 100_000, b'{"rows":[{"a":' + b'{"b":' * 5_000, b"\xff\xfe",
        b'{"rows":[{"a":"\xff"}]}', b'{"rows":[{"\xff":1}]}', b'{"rows":[{"a":"\\ud800"}]}', b'{"rows":[{"a":1e999}]}',
        b'{"rows":[{"a":' + b"9" * 5_000 + b"}]}", b'{"rows":[{"":1}]}', b"null", b"\x00" * 100,
    ],
    ids=range(12),
)  # fmt: skip
def test_hostile_bodies_are_refused(gateway, bearer, body):
    status, told = gateway.ask("POST", PREDICT, body, bearer)
    assert status in (400, 413, 422) and set(told) == {"error", "request_id"}, told


def test_no_damaged_request_is_an_error_of_the_gateway(gateway, bearer, rows):
    whole, draw = json.dumps({"rows": rows[:2]}).encode(), random.Random(5)
    statuses = set()
    for _ in range(400):
        body = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(body))
            body[at : at + draw.randint(0, 3)] = bytes(draw.randrange(256) for _ in range(draw.randint(0, 3)))
        statuses.add(gateway.ask("POST", PREDICT, bytes(body), bearer)[0])
    assert statuses <= {200, 400, 422} and {400, 422} <= statuses


def test_the_how_to_is_true(live, gateway, tmp_path):
    require(shutil.which("curl"), "curl")
    text = (ROOT / "docs/how-to/call-the-gateway.md").read_text()
    serve, *others = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert serve == ".venv/bin/sprintline serve parcels\n"
    program = tmp_path / "sprintline"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sprintline.cli.main "$@"\n')
    program.chmod(0o755)
    last = logged(live.state / "serving/parcels/log", limit=1)[0]["prediction_id"]
    script = "".join(others).replace(".venv/bin/sprintline", str(program)).replace("8100", str(gateway.port))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("PREDICTION_ID", last)],
        cwd=live.root, env=live.env, text=True, capture_output=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    for told in ('"predictions":[{', '"state":"', last, "Revoked", '"ready":true', "sprintline_following"):
        assert told in done.stdout, told


def test_null_is_not_known_and_no_mistake(gateway, bearer, rows):
    status, told = gateway.ask("POST", PREDICT, wrong(rows[0], parcels=None, district=None), bearer)
    assert status == 200 and 0 < told["predictions"][0]["prediction"]["probability"] < 1
    status, told = gateway.ask("POST", PREDICT, wrong(rows[0], courier="nobody"), bearer)
    assert status == 200 and {one["state"] for one in told["predictions"][0]["features"].values()} == {
        "missing"
    }


def test_who_has_no_token_for_it_is_refused(live, gateway, bearer, rows):
    body = {"rows": rows[:1]}
    revoked, expired = token(live), token(live, "--hours", "0.0001")
    other = token(live, "--purpose", "metrics")
    assert gateway.ask("POST", PREDICT, body, revoked)[0] == 200
    assert "Revoked" in live.run("token", "revoke", revoked).stdout
    time.sleep(1.5)
    for given, status in ((None, 401), ("nonsense", 401), (revoked, 401), (expired, 401), (other, 403)):
        found, told = gateway.ask("POST", PREDICT, body, given)
        assert found == status and set(told) == {"error", "request_id"}, told
    assert gateway.ask("POST", PREDICT, "{", None)[0] == 401, "who may not ask learns nothing of the body"
    assert gateway.ask("GET", "/metrics", None, bearer)[0] == 403
    assert gateway.ask("POST", PREDICT.replace("parcels", "letters"), body, bearer)[0] == 403
    assert gateway.ask("POST", PREDICT.replace("parcels", "letters"), body, token(live))[0] == 404
    assert gateway.ask("GET", PREDICT, None, bearer)[0] == 405
    assert "no product letters" in live.run("token", "new", "a", "--product", "letters", check=False).stderr


def test_it_tells_how_it_is_and_what_there_is(gateway, live, bearer):
    assert gateway.ask("GET", "/readyz") == (
        200, {"ready": True, "products": {"parcels": {"answers": True, "follows": True}}},
    )  # fmt: skip
    status, figures = gateway.ask("GET", "/metrics", None, token(live, "--purpose", "metrics"))
    assert status == 200
    assert re.search(r'^sprintline_following\{product="parcels"\} 1.0$', figures["text"], re.MULTILINE)
    assert re.search(
        r'^sprintline_predictions_total\{product="parcels"\} [1-9]', figures["text"], re.MULTILINE
    )
    status, described = gateway.ask("GET", "/openapi/openapi.json")
    assert status == 200 and {"/v1/products/{product}/predict", "/healthz", "/readyz", "/metrics"} <= set(
        described["paths"]
    )


def test_nothing_heavy_is_in_its_memory_and_the_warehouse_is_not_open(live, gateway, bearer, rows):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ANSWERS], cwd=live.root, env=live.env, text=True, capture_output=True,
        input=json.dumps({"rows": rows}), timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert not set(KEPT_OUT) & set(json.loads(done.stdout))
    assert gateway.ask("POST", PREDICT, {"rows": rows}, bearer)[0] == 200
    files = [
        str(one.readlink()) for one in Path(f"/proc/{gateway.process.pid}/fd").iterdir() if one.is_symlink()
    ]
    assert not [one for one in files if "warehouse" in one or one.endswith(".duckdb")]
    size = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{gateway.process.pid}/status").read_text())
    assert size and int(size[1]) < 200 * 1024, "MiB"


def test_what_was_acknowledged_is_logged_though_it_is_killed_under_load(live, bearer, rows):
    own = Gateway(live)
    acknowledged: list[str] = []

    def send() -> None:
        while True:
            try:
                status, told = own.ask("POST", PREDICT, {"rows": rows[:2]}, bearer)
            except OSError:
                return
            if status == 200:
                acknowledged.extend(one["prediction_id"] for one in told["predictions"])

    senders = [threading.Thread(target=send) for _ in range(4)]
    for one in senders:
        one.start()
    time.sleep(1.5)
    own.process.kill()
    for one in senders:
        one.join(30)
    own.end()
    there = {one["prediction_id"] for one in logged(live.state / "serving/parcels/log", limit=1_000_000)}
    assert len(acknowledged) > 50 and set(acknowledged) <= there


def test_it_takes_up_what_a_closing_publishes_without_failing_a_request(live, gateway, bearer, rows):
    found: list[tuple[int, str]] = []
    ended = threading.Event()

    def send() -> None:
        while not ended.is_set():
            status, told = gateway.ask("POST", PREDICT, {"rows": rows[:3]}, bearer)
            moments = [
                state["event_at"] for one in told.get("predictions", []) for state in one["features"].values()
            ]
            found.append((status, max(filter(None, moments), default="")))

    sender = threading.Thread(target=send)
    sender.start()
    before = (live.state / "serving/parcels/current").read_text()
    try:
        close(live, 4)
        until = time.monotonic() + 60
        while (live.state / "serving/parcels/current").read_text() == before and time.monotonic() < until:
            time.sleep(0.2)
        time.sleep(2)
    finally:
        ended.set()
        sender.join(60)
    assert {status for status, _ in found} == {200}
    assert found[0][1] < found[-1][1], "later answers have later features"


def test_a_release_that_was_changed_by_hand_is_not_loaded(live, bearer, rows):
    (model,) = live.state.glob("models/releases/*/model.onnx")
    whole = model.read_bytes()
    own = Gateway(live)
    try:
        model.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert own.ask("POST", PREDICT, {"rows": rows[:1]}, bearer)[0] == 200, (
            "what it has in memory is sound"
        )
        other = Gateway(live)
        try:
            assert other.ask("GET", "/readyz")[0] == 503
            status, told = other.ask("POST", PREDICT, {"rows": rows[:1]}, bearer)
            assert status == 503 and "cannot answer yet" in told["error"]
            assert "was changed after the release and is refused" in " ".join(other.log.read_text().split())
        finally:
            model.write_bytes(whole)
        until = time.monotonic() + 60
        while other.ask("GET", "/readyz")[0] != 200 and time.monotonic() < until:
            time.sleep(0.3)
        assert other.ask("POST", PREDICT, {"rows": rows[:1]}, bearer)[0] == 200, "it goes on by itself"
        other.end()
    finally:
        model.write_bytes(whole)
        own.end()


def test_a_port_in_use_and_a_missing_key_folder_are_told(live, gateway, tmp_path):
    told = live.run("serve", "parcels", "--port", str(gateway.port), check=False)
    assert told.returncode == 2 and f"{gateway.port} is in use" in told.stderr
    (tmp_path / "file").write_text("")
    there = dataclasses.replace(live, extra=(("SPRINTLINE_KEYS", str(tmp_path / "file")),))
    assert "which is a file" in there.run("token", "new", "anna", check=False).stderr
