"""Seals of verdicts and measurements, by which a change of them is found; events and seals are signed."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SEAL = ("product", "scope_kind", "scope_key", "kind", "row", "of", "digest", "said")
_ROWS = {
    "verdict": (
        "id", "product", "scope_kind", "scope_key", "code", "asset", "subject", "outcome", "severity", "observed",
        "threshold", "sentence", "data_version", "at",
    ),
    "measurement": ("product", "scope_kind", "scope_key", "asset", "data_version", "facts", "at"),
}  # fmt: skip

_SQLITE_GUARDS = [
    f"""CREATE TRIGGER seals_no_{verb.lower()} BEFORE {verb} ON seals
        BEGIN SELECT RAISE(ABORT, 'seals is append-only: {verb} refused'); END"""
    for verb in ("UPDATE", "DELETE")
] + [
    """CREATE TRIGGER seals_in_order BEFORE INSERT ON seals
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM seals)
        BEGIN SELECT RAISE(ABORT, 'seals is append-only: a seal may only follow the last one'); END""",
]

_POSTGRES_GUARD = """CREATE TRIGGER seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seals
    FOR EACH STATEMENT EXECUTE FUNCTION sprintline_append_only()"""


def upgrade() -> None:
    """What is there already is sealed as it is found: that it was so before, nothing says."""
    op.add_column("ledger", sa.Column("signature", sa.Text, nullable=True))
    seals = op.create_table(
        "seals",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _SEAL),
        sa.Column("prev", sa.Text, nullable=False, unique=True),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
        sa.Column("signature", sa.Text, nullable=True),
    )
    op.create_index("seals_place", "seals", ["product", "scope_kind", "scope_key", "kind", "of", "seq"])
    connection, prev, seq = op.get_bind(), "0" * 64, 0
    for kind, names in _ROWS.items():
        order = "id" if kind == "verdict" else "product, scope_kind, scope_key, asset"
        query = f"SELECT {', '.join(names)} FROM {kind}s ORDER BY {order}"  # noqa: S608 - names of our own
        for found in connection.execute(sa.text(query)).mappings().all():
            row, of = (
                (str(found["id"]), _place(found)) if kind == "verdict" else (found["asset"], found["asset"])
            )
            digest = _sha256(f"sprintline.seal.v1|{kind}|{_json([found[name] for name in names])}")
            said = [found["product"], found["scope_kind"], found["scope_key"], kind, row, of, digest, "found"]
            seq += 1
            digest = _sha256(f"sprintline.seal.v1|{seq}|{prev}|{_json(said)}")
            content = {"seq": seq, **dict(zip(_SEAL, said, strict=True)), "prev": prev, "hash": digest}
            connection.execute(sa.insert(seals), content)
            prev = digest
    guards = [_POSTGRES_GUARD] if connection.dialect.name == "postgresql" else _SQLITE_GUARDS
    for guard in guards:
        connection.exec_driver_sql(guard)


def _place(row: sa.RowMapping) -> str:
    return f"{row['code']} on {row['asset']}" + (f" ({row['subject']})" if row["subject"] else "")


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
