"""Keys that sign events, seals and heads (Ed25519): who may write the state folder cannot make its history again.

A key is made on first use in a folder outside the state folder (`SPRINTLINE_KEYS`). Its public part lies beside it, as
may those of other machines: a signature by any key of the folder counts.
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base import settings
from sprintline.base.files import secret_once

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PRIVATE, PUBLIC = "ledger.key", ".pub"
_BROAD = 0o077


class KeyTrouble(ValueError):
    """A key cannot be made or read; the message says why and what to do."""


@dataclass
class Keys:
    """The keys of a folder.

    Attributes:
        folder: where they lie; None where none is known.
        looks: whether signatures are looked at and made.
    """

    folder: Path | None
    looks: bool = True
    _own: Ed25519PrivateKey | None = field(default=None, init=False, repr=False)
    _seen: dict[str, Ed25519PublicKey] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of_settings(cls) -> Keys:
        """Those of `SPRINTLINE_KEYS`."""
        return cls(settings.keys_folder())

    @property
    def private(self) -> Path | None:
        """The file of the private key."""
        return None if self.folder is None else self.folder / PRIVATE

    def sign(self, text: str) -> str | None:
        """A signature of the text, `<fingerprint>.<base64>`; None where no key can be kept."""
        if not self.looks:
            return None
        try:
            key = self._signing()
        except KeyTrouble:
            return None
        made = base64.urlsafe_b64encode(key.sign(text.encode())).decode()
        return f"{fingerprint(key.public_key())}.{made}"

    def trouble(self) -> str | None:
        """Why nothing can be signed; None when it can. Makes the key when it is not there."""
        try:
            self._signing()
        except KeyTrouble as why:
            return str(why)
        return None

    def objection(self, text: str, signature: str | None) -> str | None:
        """Why a text does not count as signed, to follow its name (`is not signed`); None when it does."""
        if not signature:
            return "is not signed"
        name, _, made = signature.partition(".")
        if name not in self._seen:
            self._seen.update(self._known())
        key = self._seen.get(name)
        if key is None:
            return f"is signed by key {name}, which is not in {self.folder}"
        from cryptography.exceptions import InvalidSignature

        try:
            key.verify(base64.urlsafe_b64decode(made), text.encode())
        except (InvalidSignature, ValueError):
            return f"is not what key {name} signed"
        return None

    def own(self) -> str | None:
        """Fingerprint of the key that signs; None while there is none. Makes none."""
        try:
            return fingerprint(self._read().public_key())
        except (FileNotFoundError, KeyTrouble):
            return None

    def notes(self, home: Path | None) -> list[str]:
        """What weakens the key, a sentence each."""
        file, found = self.private, []
        if file is None or not file.exists():
            return []
        if os.name == "posix" and file.stat().st_mode & _BROAD:
            found.append(f"Others can read the key {file}: chmod 600 {file}")
        if home is not None and file.resolve().is_relative_to(home.resolve()):
            found.append(
                f"The key {file} lies in the state folder: the person who can change one can use the other. Set "
                "SPRINTLINE_KEYS to another folder"
            )
        return found

    # --- inside -----------------------------------------------------------------------------------------------------

    def _signing(self) -> Ed25519PrivateKey:
        if self._own is None:
            try:
                self._own = self._read()
            except FileNotFoundError:
                self._own = self._make()
        return self._own

    def _read(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as Private
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        file = self.private
        if file is None:
            raise KeyTrouble("no folder for keys is known: set SPRINTLINE_KEYS")
        try:
            found = load_pem_private_key(file.read_bytes(), None)
        except FileNotFoundError:
            raise
        except (OSError, ValueError, TypeError) as error:
            why = getattr(error, "strerror", None) or "it is no Ed25519 key"
            raise KeyTrouble(f"the key {file} cannot be read ({why}): restore it from a copy") from error
        if not isinstance(found, Private):
            raise KeyTrouble(f"the key {file} is no Ed25519 key: restore it from a copy")
        return found

    def _make(self) -> Ed25519PrivateKey:
        """A new key, unless another process makes it first: the one that is there then is used."""
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as Private

        file = self.private
        if file is None:
            raise KeyTrouble("no folder for keys is known: set SPRINTLINE_KEYS")
        made = Private.generate()
        content = made.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        public = made.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # The public part first: a key that signed is known for ever.
            (file.parent / f"{fingerprint(made.public_key())}{PUBLIC}").write_bytes(public)
            if not secret_once(file, content):
                made = self._read()
        except OSError as error:
            raise KeyTrouble(
                f"no key can be kept in {file.parent} ({error.strerror or error}): set SPRINTLINE_KEYS to a folder "
                "that can be written"
            ) from error
        return made

    def _known(self) -> dict[str, Ed25519PublicKey]:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey as Public
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        found: dict[str, Any] = {}
        for file in sorted(self.folder.glob(f"*{PUBLIC}")) if self.folder is not None else ():
            try:
                key = load_pem_public_key(file.read_bytes())
            except (OSError, ValueError):
                continue  # no public key: whoever named it so finds its signatures unknown
            if isinstance(key, Public):
                found[fingerprint(key)] = key
        try:
            own = self._read().public_key()
        except (FileNotFoundError, KeyTrouble):
            return found
        return {**found, fingerprint(own): own}


def fingerprint(key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of the SHA-256 of the public key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


NO_KEYS = Keys(None, looks=False)
"""Nothing is signed, and no signature is looked at: for what only copies or compares."""
