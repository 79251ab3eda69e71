"""What proves the end of the ledger: its head file, the signatures on it, and its copies outside the state folder."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sqlalchemy as sa

from sprintline.base.databases import RecordsError
from sprintline.base.failpoints import failpoint
from sprintline.mechanisms.ledger.chain import EMPTY, Head
from sprintline.mechanisms.ledger.head_copies import CopyTrouble, HeadCopies
from sprintline.mechanisms.ledger.head_file import HeadFile, Heads
from sprintline.mechanisms.ledger.keys import Keys
from sprintline.mechanisms.ledger.record_tables import LEDGER, SEALS
from sprintline.mechanisms.ledger.seals import FOUND, last_seal

ACCEPT = "accept it with `sprintline ledger accept`"


@dataclass(frozen=True)
class Trust:
    """What verifying the ledger can be relied on for.

    Attributes:
        signed_by: fingerprint of the key that signed the head; None when none did.
        copies: copies of the head that were compared; None where none are kept.
        limits: what is not verified, and which setting changes that, a sentence each.
    """

    signed_by: str | None
    copies: int | None
    limits: tuple[str, ...]


@dataclass(frozen=True)
class Guard:
    """What guards one ledger's end.

    Attributes:
        name: what the ledger is called in messages.
        file: the head file; None where the head is not kept.
        keys: the keys that sign.
        copies: the copies outside the state folder; None without.
    """

    name: str
    file: HeadFile | None
    keys: Keys
    copies: HeadCopies | None

    def heads(self) -> Heads | None:
        """The heads in the head file. Raises RecordsError for a file that is none."""
        try:
            return None if self.file is None else self.file.read()
        except ValueError as error:
            raise RecordsError(f"{self.name}: {error}") from error

    def sign_event(self, event: Head) -> str | None:
        """Signature of an event."""
        return self.keys.sign(_text("event", event))

    def sign_seal(self, seq: int, hash_: str) -> str | None:
        """Signature of a seal."""
        return self.keys.sign(_text("seal", Head(seq, hash_)))

    # --- before and after writing -----------------------------------------------------------------------------------

    def check(self, connection: sa.Connection) -> None:
        """Refuse to append where that would hide that something is missing. Raises RecordsError."""
        if (trouble := self.objection(connection)) is not None:
            raise RecordsError(
                f"{self.name} {trouble}: events may have been cut off, nothing was appended. Restore database and head "
                f"file from one backup; or, if the ledger is right as it is, {ACCEPT}"
            )
        self.ready()

    def ready(self) -> None:
        """Raises RecordsError when the head could not be copied after an event: asked before it is committed."""
        try:
            if self.copies is not None:
                self.copies.check()
        except CopyTrouble as error:
            raise RecordsError(f"{self.name}: {error}; nothing was appended") from error

    def objection(self, connection: sa.Connection, *, makes: bool = True) -> str | None:
        """Why the ledger is not the one that its head file and the last copy name, to follow its name; None: it is.

        makes: whether a key may be made to find out whether one can be.
        """
        if self.file is None:
            return None
        # Before the ledger, which then contains what they name.
        heads, copies = self.heads(), self._last_copy()
        if heads is None:
            if is_fresh(connection):
                return None
            return f"has events but its head file {self.file.file} is missing"
        if not carries(connection, LEDGER, heads.ledger):
            return f"does not carry event {heads.ledger.seq}, which its head file {self.file.file} names"
        if lost := lost_seals(connection, heads):
            return f"lost verdicts or measurements ({lost})"
        if isinstance(copies, str):
            return copies
        return self._unsigned(connection, heads, makes=makes) or self._not_copied(connection, copies)

    def raise_to(self, heads: Heads, *, event: bool) -> None:
        """Write the heads after a commit. event: an event was appended, whose head is copied as well."""
        if self.file is None:
            return
        signed = self._signed(heads)
        self.file.raise_to(signed)
        if not event:
            return
        failpoint("records.before_copy")
        if self.copies is not None:
            self._copy(signed)

    def accept(self, heads: Heads) -> None:
        """Write the heads of a ledger that a person accepted, whatever is there."""
        if self.file is None:
            return
        self.file.replace(self._signed(heads))
        if self.copies is not None:
            self._copy(self._signed(replace(heads, accepted=True)))

    def adopt(self, connection: sa.Connection) -> None:
        """Sign a head file that is older than signatures, if the ledger carries its event."""
        heads = self.heads()
        if (
            self.file is None
            or heads is None
            or heads.signature
            or not carries(connection, LEDGER, heads.ledger)
        ):
            return
        last = Heads(head_of(connection), last_seal(connection))
        self.file.replace(self._signed(last))

    def _copy(self, signed: Heads) -> None:
        try:
            if self.copies is not None:
                self.copies.add(signed)
        except CopyTrouble as error:
            raise RecordsError(f"{self.name}: {error}") from error

    def _signed(self, heads: Heads) -> Heads:
        return replace(heads, signature=self.keys.sign(heads.text))

    # --- verifying --------------------------------------------------------------------------------------------------

    def all_copies(self) -> list[Heads] | str | None:
        """Every copy that counts, or why they cannot be read; None where none are kept."""
        try:
            return None if self.copies is None else self.copies.all()
        except CopyTrouble as error:
            return str(error)

    def verified(
        self, connection: sa.Connection, heads: Heads | None, copies: list[Heads] | str | None
    ) -> tuple[str | None, Trust]:
        """Why signature or copies do not fit (None when they do), and what the answer can be relied on for.

        heads, copies: read before the connection's moment.
        """
        limits: list[str] = []
        if self.file is None or heads is None or not self.keys.looks:
            return None, Trust(None, None, ())
        wrong = self._unsigned(connection, heads, makes=False)
        if heads.signature is None:
            limits.append(
                f"The head of the ledger is not signed, for there is no key in {self.keys.folder}: a person who can "
                "write the state folder can make all of it again, unnoticed. Set SPRINTLINE_KEYS to a folder outside"
            )
        limits += self.keys.notes(self.file.file.parent)
        count: int | None = None
        if self.copies is None:
            limits.append(
                "No copy of the head lies outside the state folder: an older state that is put back whole is not "
                "noticed. Set SPRINTLINE_LEDGER_COPY to a folder that this machine can only add to"
            )
        elif isinstance(copies, str):
            wrong = wrong or copies
        else:
            count = len(copies or ())
            wrong = wrong or self._not_copied(connection, copies or [])
            if self.copies.folder.is_relative_to(self.file.file.parent.resolve()):
                limits.append(
                    f"The copies of the head lie in the state folder ({self.copies.folder}), where they prove little. "
                    "Set SPRINTLINE_LEDGER_COPY to another folder"
                )
            if not copies:
                limits.append(
                    f"There is no copy of the head in {self.copies.folder} yet: the next event writes the first"
                )
        signed_by = heads.signature.partition(".")[0] if heads.signature and wrong is None else None
        return wrong, Trust(signed_by, count, tuple(limits))

    def _unsigned(self, connection: sa.Connection, heads: Heads, *, makes: bool) -> str | None:
        """Why the head, or what was written after it, does not count as signed.

        makes: whether a key may be made. Where none can be kept, nothing needs to be signed.
        """
        if not self.keys.looks or self.file is None:
            return None
        if heads.signature is None:
            there = self.keys.trouble() is None if makes else self.keys.own() is not None
            if not there:
                return None
        file = self.file.file
        if why := self.keys.objection(heads.text, heads.signature):
            return f"has a head file {file} that {why} ({self._remedy(heads.signature)})"
        for table, what, known in ((LEDGER, "event", heads.ledger), (SEALS, "seal", heads.known)):
            row = connection.execute(
                sa.select(table.c.seq, table.c.hash, table.c.signature).order_by(table.c.seq.desc()).limit(1)
            ).first()
            # Written and not yet named by the head file, as after a crash: then it says itself who wrote it.
            if row is None or row.seq <= known.seq:
                continue
            if why := self.keys.objection(_text(what, Head(row.seq, row.hash)), row.signature):
                return f"carries {what} {row.seq}, after {what} {known.seq} of its head file, that {why}"
        return None

    def _remedy(self, signature: str | None) -> str:
        if signature is None:
            return f"there is a key in {self.keys.folder}, so a signature was removed or never made"
        return (
            "a key that was lost, or is another machine's: put its folder back, or its public file beside this "
            "machine's, or set SPRINTLINE_KEYS"
        )

    def _last_copy(self) -> list[Heads] | str:
        try:
            last = None if self.copies is None else self.copies.last()
        except CopyTrouble as error:
            return str(error)
        return [] if last is None else [last]

    def _not_copied(self, connection: sa.Connection, copies: list[Heads]) -> str | None:
        """Why these copies are not of this ledger; None when they are."""
        if self.copies is None or not self.keys.looks:
            return None
        whole: dict[str, dict[int, str]] = {}
        if len(copies) > 1:  # one query for all of them
            for table in (LEDGER, SEALS):
                found = connection.execute(sa.select(table.c.seq, table.c.hash))
                whole[table.name] = {row.seq: row.hash for row in found}
        for one in copies:
            looks = self.keys.own() is not None or one.signature
            if looks and (why := self.keys.objection(one.text, one.signature)):
                return f"has a copy of its head in {self.copies.file} (event {one.ledger.seq}) that {why}"
            for table, what, head in ((LEDGER, "event", one.ledger), (SEALS, "seal", one.known)):
                there = (
                    head == EMPTY or whole[table.name].get(head.seq) == head.hash
                    if whole
                    else carries(connection, table, head)
                )
                if not there:
                    return (
                        f"does not carry {what} {head.seq} of the copy in {self.copies.file}: an older state was put "
                        "back, the ledger was computed again, or the copies are another ledger's"
                    )
        return None


def head_of(connection: sa.Connection) -> Head:
    """The last event's number and hash."""
    row = connection.execute(
        sa.select(LEDGER.c.seq, LEDGER.c.hash).order_by(LEDGER.c.seq.desc()).limit(1)
    ).first()
    return EMPTY if row is None else Head(row.seq, row.hash)


def is_fresh(connection: sa.Connection) -> bool:
    """Whether nothing was written yet that a head file would name: what a migration found is older than that."""
    if head_of(connection) != EMPTY:
        return False
    written = sa.select(SEALS.c.seq).where(SEALS.c.said != FOUND).limit(1)
    return connection.execute(written).first() is None


def carries(connection: sa.Connection, table: sa.Table, head: Head) -> bool:
    """Whether a chain has this head in its place."""
    if head == EMPTY:
        return True
    return connection.execute(sa.select(table.c.hash).where(table.c.seq == head.seq)).scalar() == head.hash


def lost_seals(connection: sa.Connection, heads: Heads) -> str | None:
    """Why the log of writes is not the one of the head file; None when it is."""
    if carries(connection, SEALS, heads.known):
        return None
    return f"seal {heads.known.seq} is not the one that the head file names: seals were cut off or recomputed"


def _text(what: str, head: Head) -> str:
    return f"sprintline.{what}.v1|{head.seq}|{head.hash}"
