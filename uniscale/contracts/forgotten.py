"""Who was forgotten: a hash per user, so that logs landed later leave them out, and what was trained on them."""

from __future__ import annotations

from uniscale.contracts.schema import Column, Table

FORGOTTEN = Table(
    schema="ops",
    name="forgotten",
    grain="One row per forgotten user.",
    key=("user_hash",),
    partition=None,
    columns=(
        Column(name="user_hash", type="VARCHAR", description="SHA-256 of the user's identifier, hexadecimal."),
        Column(name="forgotten_at", type="TIMESTAMP", description="UTC time of the commit that deleted the rows."),
        Column(
            name="erased_at",
            type="TIMESTAMP",
            description="UTC time at which no file held the rows any more; NULL while that is not done.",
            nullable=True,
        ),
        Column(name="snapshot_id", type="BIGINT", description="Last lake snapshot that held rows of the user."),
        Column(name="sample_days", type="DATE[]", description="UTC days with samples of the user, in order."),
    ),
)
