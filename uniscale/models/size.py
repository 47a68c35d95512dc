"""The size dial: one word sets width and depth of every ranker."""

from __future__ import annotations

from dataclasses import dataclass

from uniscale.models.common.embeddings import EmbeddingSizes


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """What a ranker derives its widths and layers from.

    Attributes:
        name: Key of `SIZES`.
        width: Token width; 16 at 1x.
        depth: Blocks; 1 at 1x.
        embeddings: Hashed tables, the same for every ranker of the size.
    """

    name: str
    width: int
    depth: int
    embeddings: EmbeddingSizes


def _size(name: str, *, width: int, depth: int, embedding_width: int, item_rows: int) -> Size:
    return Size(
        name=name, width=width, depth=depth, embeddings=EmbeddingSizes.of(width=embedding_width, items=item_rows)
    )


SIZES = {
    size.name: size
    for size in (
        _size("xs", width=16, depth=1, embedding_width=16, item_rows=2**14),
        _size("s", width=32, depth=2, embedding_width=16, item_rows=2**16),
        _size("m", width=64, depth=2, embedding_width=32, item_rows=2**18),
        _size("l", width=128, depth=4, embedding_width=32, item_rows=2**20),
        _size("xl", width=256, depth=4, embedding_width=64, item_rows=2**22),
    )
}
