"""A token opens the doors it was made for, until it expires or is revoked, and nothing else does."""

from __future__ import annotations

import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sprintline.base.errors import Refusal
from sprintline.cli.main import cli
from sprintline.serving.gateway.tokens import (
    ALGORITHM,
    AUDIENCE,
    KEY_FILE,
    Doorkeeper,
    TokenRefused,
    issue,
    private_key,
    revoke,
    token_id,
)


@pytest.fixture
def doors(tmp_path):
    return Doorkeeper(tmp_path / "keys", tmp_path / "serving")


def issued(doors, seconds=60, products=("parcels",)):
    return issue(doors.keys, "anna", products, ("predict",), seconds)


def claims(**other):
    now = int(time.time())
    base = {
        "sub": "anna",
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 60,
        "jti": "1",
        "scope": ["parcels:predict"],
    }
    return {name: value for name, value in (base | other).items() if value is not None}


def test_it_is_for_its_products_and_purposes(doors):
    bearer = doors.bearer(f"Bearer {issued(doors)}")
    assert bearer.name == "anna" and bearer.may("parcels", "predict")
    assert not bearer.may("letters", "predict") and not bearer.may("parcels", "metrics")
    assert doors.bearer(f"bearer {issued(doors, products=('*',))}").may("letters", "predict")


def test_a_revoked_one_is_refused_at_once_also_where_it_was_known(doors):
    one, other = issued(doors), issued(doors)
    doors.bearer(f"Bearer {one}")
    assert revoke(doors.serving, token_id(one)) and not revoke(doors.serving, token_id(one))
    with pytest.raises(TokenRefused, match="revoked"):
        doors.bearer(f"Bearer {one}")
    assert doors.bearer(f"Bearer {other}").token_id == token_id(other)


def test_an_expired_one_is_refused_also_where_it_was_known(doors, monkeypatch):
    one = issued(doors, seconds=30)
    doors.bearer(f"Bearer {one}")
    later = time.time() + 31
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(TokenRefused, match="expired"):
        doors.bearer(f"Bearer {one}")


def other_key(doors):
    return jwt.encode(claims(), Ed25519PrivateKey.generate(), algorithm=ALGORITHM)


def signed(doors, **other):
    return jwt.encode(claims(**other), private_key(doors.keys), algorithm=ALGORITHM)


def changed(doors):
    head, body, tail = signed(doors).split(".")
    return f"{head}.{body[:-4]}AAAA.{tail}"


@pytest.mark.parametrize(
    ("header", "made"),
    [
        ("Bearer {}", other_key),
        ("Bearer {}", changed),
        ("Bearer {}", lambda _: jwt.encode(claims(), None, algorithm="none")),
        ("Bearer {}", lambda _: jwt.encode(claims(), "a" * 32, algorithm="HS256")),
        ("Bearer {}", lambda doors: signed(doors, exp=int(time.time()) - 1)),
        ("Bearer {}", lambda doors: signed(doors, exp=None)),
        ("Bearer {}", lambda doors: signed(doors, jti=None)),
        ("Bearer {}", lambda doors: signed(doors, scope=None)),
        ("Bearer {}", lambda doors: signed(doors, scope="parcels:predict")),
        ("Bearer {}", lambda doors: signed(doors, aud="another")),
        ("Bearer {}", lambda _: "no token at all"),
        ("Basic {}", signed),
        ("{}", signed),
        ("Bearer ", signed),
    ],
    ids=[
        "another key", "changed", "no algorithm", "another algorithm", "expired", "no end", "no id", "no scope",
        "a text as scope", "for another service", "nonsense", "another scheme", "no scheme", "empty",
    ],
)  # fmt: skip
def test_nothing_else_is_taken(doors, header, made):
    private_key(doors.keys)
    with pytest.raises(TokenRefused):
        doors.bearer(header.format(made(doors)))
    with pytest.raises(TokenRefused, match="no token"):
        doors.bearer(None)


def test_the_key_is_made_once_and_read_by_its_owner_only(doors):
    one = private_key(doors.keys)
    assert private_key(doors.keys).public_key() == one.public_key()
    (file,) = doors.keys.iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_what_is_no_token_cannot_be_revoked():
    with pytest.raises(TokenRefused):
        token_id("nonsense")


def test_a_key_that_is_none_or_cannot_be_kept_is_told_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("SPRINTLINE_KEYS", str(tmp_path / "keys"))
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / KEY_FILE).write_text("nonsense")
    with pytest.raises(Refusal, match=r"gateway\.key is no key .*: move it away"):
        cli(["token", "new", "anna"], standalone_mode=False)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPRINTLINE_KEYS", str(tmp_path / "file" / "keys"))
    with pytest.raises(Refusal, match=r"no key can be kept in .*: set SPRINTLINE_KEYS"):
        cli(["token", "new", "anna"], standalone_mode=False)
