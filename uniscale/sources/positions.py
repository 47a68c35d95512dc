"""Where the positions of a file start: the contract's top of a list is 1, many trackers call it 0."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from uniscale.sources.incoming import BadFileError, Incoming

_MOST = 0.5

_STARTS = """
    with shown as (
        select file, request_id, min("position") as lowest, max("position") as highest, count(*) as num_items
        from temp.checked
        where is_exposed and "position" is not null group by file, request_id
    ),
    lists as (
        select coalesce(domain, '') as domain, shown.* from shown left join lake.raw.requests using (request_id)
    ),
    whole as (
        select min(file) as file, domain, min(lowest) as lowest, max(highest) as highest, sum(num_items) as num_items
        from lists group by domain, request_id
    )
    select
        min(file) as file, domain, count(*), count(*) filter (lowest = 0), min(lowest),
        bool_or(lowest = 0 and highest > 0 and highest < num_items)
    from (select file as part, * from lists union all by name select '' as part, * from whole)
    group by part, domain
    order by part, domain
"""


def refuse_other_start(con: duckdb.DuckDBPyConnection, group: Sequence[Incoming], positions_from: int) -> None:
    """Refuse candidates whose positions do not start where they are said to.

    A position 0 in a few lists is a few bad rows; in most lists of a file, or of a domain in it, it is the top. Where
    there is one such list only, it must be numbered through from 0. Lists are held together by file and over all
    files, since one list may lie in several.

    Args:
        con: Holds ``checked`` with typed positions, and the requests.
        group: The candidate files that were read.
        positions_from: What was said: 0 or 1. If 0, positions are one higher by now.

    Raises:
        BadFileError: They start elsewhere; the message says what to do.
    """
    if positions_from == 0:
        _refuse_without_zero(con, group)
        return
    if con.execute('select 1 from temp.checked where "position" = 0 and is_exposed limit 1').fetchone() is None:
        return
    for file, domain, lists, from_zero, lowest, is_numbered_through in con.execute(_STARTS).fetchall():
        if lowest == 0 and from_zero > _MOST * lists and (from_zero > 1 or is_numbered_through):
            whose = f" of domain {domain}" if domain else ""
            raise BadFileError(
                file,
                f"column position seems to count from 0: it is 0 in {from_zero:,} of {lists:,} lists{whose}",
                "The top of a list is 1. Write positions from 1, or say that they count from 0: --positions-from 0, or "
                "positions_from = 0 under [source] in uniscale.toml",
            )


def _refuse_without_zero(con: duckdb.DuckDBPyConnection, group: Sequence[Incoming]) -> None:
    row = con.execute('select min("position") from temp.checked where is_exposed').fetchone()
    if row is not None and row[0] is not None and row[0] > 1:
        raise BadFileError(
            group[0].file,
            f"column position was said to count from 0, but the lowest is {row[0] - 1}",
            "For logs that count from 1 leave --positions-from out, and positions_from under [source] in uniscale.toml",
        )
