"""Tokens of the gateway: signed, short-lived, for named products and purposes.

A token is a JSON Web Token signed by an Ed25519 key that lies beside the ledger's, outside the state folder. It is
checked by this key alone: another algorithm, or none, is refused whatever the token says of itself.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt

from sprintline.base.files import atomic_write, secret_once

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM, AUDIENCE = "EdDSA", "sprintline-gateway"
KEY_FILE, REVOKED = "gateway.key", "revoked"
PURPOSES = ("predict", "metrics")
EVERY_PRODUCT = "*"
_REQUIRED = ("exp", "iat", "jti", "sub", "aud", "scope")
_REMEMBERED = 1_000
"""Tokens whose signature was checked and need not be again."""


class TokenRefused(ValueError):
    """Why a token does not open a door, in words for the log. Who asks is told no more than that it was refused."""


@dataclass(frozen=True)
class Bearer:
    """Who asks. scope: `product:purpose` each."""

    name: str
    token_id: str
    expires: int
    scope: frozenset[str]

    def may(self, product: str, purpose: str) -> bool:
        return bool({f"{product}:{purpose}", f"{EVERY_PRODUCT}:{purpose}"} & self.scope)


def private_key(folder: Path) -> Ed25519PrivateKey:
    """The key that signs tokens, made on first use, readable by its owner only.

    Raises OSError when it cannot be read or made, ValueError when the file is no such key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    file = folder / KEY_FILE
    if not file.exists():
        _make(file)
    found = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(found, Ed25519PrivateKey):
        raise ValueError("it is not of Ed25519")
    return found


def issue(folder: Path, name: str, products: Sequence[str], purposes: Sequence[str], seconds: int) -> str:
    """A token for somebody."""
    now = int(time.time())
    claims = {
        "sub": name,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + seconds,
        "jti": secrets.token_hex(8),
        "scope": [f"{product}:{purpose}" for product in products for purpose in purposes],
    }
    return jwt.encode(claims, private_key(folder), algorithm=ALGORITHM)


def token_id(token: str) -> str:
    """The id of a token, whoever signed it. Raises TokenRefused when it is none."""
    try:
        return str(jwt.decode(token, options={"verify_signature": False})["jti"])
    except (jwt.InvalidTokenError, KeyError) as error:
        raise TokenRefused("it is no token of the gateway") from error


def revoke(serving: Path, revoked: str) -> bool:
    """Refuse a token from now on; whether it was not refused before."""
    known = _revoked(serving / REVOKED)
    if revoked in known:
        return False
    atomic_write(serving / REVOKED, "".join(f"{one}\n" for one in sorted({*known, revoked})), durable=True)
    return True


@dataclass
class Doorkeeper:
    """Checks tokens. serving: the folder with the list of revoked ones, which is read again when it changes."""

    keys: Path
    serving: Path
    _public: Any = None
    _read_at: int = -1
    _refused: frozenset[str] = frozenset()
    _known: dict[str, Bearer] = field(default_factory=dict)

    def bearer(self, header: str | None) -> Bearer:
        """Who an `Authorization` header names. Raises TokenRefused."""
        kind, _, token = (header or "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise TokenRefused("there is no token")
        found = self._known.get(token) or self._checked(token)
        if found.expires <= time.time():
            raise TokenRefused(f"the token of {found.name} has expired")
        if found.token_id in self._revoked():
            raise TokenRefused(f"the token of {found.name} was revoked")
        return found

    def _checked(self, token: str) -> Bearer:
        self._public = self._public or private_key(self.keys).public_key()
        try:
            claims = jwt.decode(
                token,
                self._public,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                options={"require": list(_REQUIRED)},
            )
        except jwt.InvalidTokenError as error:
            raise TokenRefused(str(error)) from error
        scope = claims["scope"]
        if not isinstance(scope, list) or not all(isinstance(one, str) for one in scope):
            raise TokenRefused("its scope is no list")
        found = Bearer(str(claims["sub"]), str(claims["jti"]), int(claims["exp"]), frozenset(scope))
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[token] = found
        return found

    def _revoked(self) -> frozenset[str]:
        file = self.serving / REVOKED
        try:
            written = file.stat().st_mtime_ns
        except FileNotFoundError:
            return frozenset()
        if written != self._read_at:
            self._refused, self._read_at = frozenset(_revoked(file)), written
        return self._refused


def _revoked(file: Path) -> set[str]:
    try:
        return set(file.read_text(encoding="utf-8").split())
    except FileNotFoundError:
        return set()


def _make(file: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    made = Ed25519PrivateKey.generate()
    secret_once(file, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
