"""Bring the online store to the values of a moment: a new generation, the inactive slot, then the pointer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from uniscale.config import Settings
from uniscale.contracts.days import midnight_after
from uniscale.features.age import max_age
from uniscale.features.online.slots import (
    SLOTS,
    Pointer,
    Written,
    generation_folder,
    inactive_slot,
    locked,
    read_pointer,
    write_pointer,
)
from uniscale.features.repo import daily_views, open_store
from uniscale.lake import Lake

if TYPE_CHECKING:
    from feast import FeatureStore, FeatureView

    from uniscale.features.online.fill import Advance


def materialize(
    settings: Settings,
    lake: Lake,
    ds: date,
    *,
    now: datetime | None = None,
    advance: Advance | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Serve each entity's newest feature version as of the end of ``ds``.

    What is served changes at once, when everything is written; until then, and if the run is killed, the values of
    before are served. A second run for the same day writes nothing, and so does one for an earlier day: a backfill
    leaves what is served as it is.

    Args:
        settings: The installation.
        lake: The lake with the feature tables.
        ds: Day at whose end the values hold.
        now: The time (UTC); default the clock.
        advance: Told how far the writing is.
        force: Write every value again, whatever the slots are said to hold.

    Returns:
        ``as_of``: the moment served now; ``slot``, ``generation`` and ``snapshot_id`` of it; ``entities`` by view;
        ``views`` with the rows written and deleted now; ``seconds``; ``skipped``: why nothing was done, if so.

    Raises:
        ValueError: Features leak (``features.leaky``), the day has not ended, a feature table does not have the
            columns of its view, or the online store does not answer.
    """
    if settings.features.leaky:
        raise ValueError("features.leaky is set: features that know the future are for measuring, not for serving")
    began = time.monotonic()
    moment = midnight_after(ds)
    now = (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None)
    if moment > now:
        raise ValueError(f"{ds} ends at {moment} UTC and it is {now:%Y-%m-%d %H:%M}; materialize it when it has ended")
    skipped = {}
    with locked(settings, "materialize"):
        pointer = read_pointer(settings)
        if pointer is not None and moment < pointer.moment:
            skipped = {"skipped": f"{pointer} are served; those of {moment} UTC are older"}
            pointer = replace(pointer, views=_untouched({name: view.rows for name, view in pointer.views.items()}))
        else:
            pointer = _serve(settings, lake, moment, pointer, advance or _quiet, force=force)
    return {
        "as_of": pointer.moment,
        "slot": pointer.slot,
        "generation": pointer.generation,
        "snapshot_id": pointer.snapshot_id,
        "entities": {name: view.rows for name, view in pointer.views.items()},
        "views": {name: {"written": v.written, "deleted": v.deleted} for name, v in pointer.views.items()},
        "seconds": time.monotonic() - began,
        **skipped,
    }


def _serve(
    settings: Settings, lake: Lake, moment: datetime, pointer: Pointer | None, advance: Advance, *, force: bool
) -> Pointer:
    from uniscale.features.online.bulk import answering
    from uniscale.features.online.fill import SlotFiller
    from uniscale.features.online.generations import build_generation, drop_generations

    stores = {slot: open_store(settings, project=slot) for slot in SLOTS}
    views = daily_views(stores[SLOTS[0]])
    generation, snapshot_id = build_generation(settings, lake, views, moment, max_age(settings))
    with answering(stores[SLOTS[0]], "nothing is served yet" if pointer is None else f"{pointer} stay served"):
        held = {slot: None if force else _held(settings, store) for slot, store in stores.items()}
        if pointer is not None and pointer.generation == generation.name == held[pointer.slot]:
            slot, written = pointer.slot, _untouched(generation.rows)
        else:
            slot = inactive_slot(pointer)
            filler = SlotFiller(store=stores[slot], advance=advance)
            before = held[slot]
            old = None if before is None else generation_folder(settings, before)
            with lake.read() as con:
                written = filler.fill(con, generation, old)
            held[slot] = generation.name
    following = Pointer(moment=moment, slot=slot, generation=generation.name, snapshot_id=snapshot_id, views=written)
    if pointer is None or following.moment != pointer.moment or following.slot != pointer.slot:
        write_pointer(settings, following)
        _record_interval(settings, stores[slot], views, moment)
    drop_generations(settings, keep=set(held.values()))
    return following


def _untouched(rows: Mapping[str, int]) -> dict[str, Written]:
    """Views of which nothing was written."""
    return {name: Written(rows=number, written=0, deleted=0) for name, number in rows.items()}


def _held(settings: Settings, store: FeatureStore) -> str | None:
    """The generation a slot holds, if its files are there to compare with."""
    from uniscale.features.online.bulk import bulk_store

    held = bulk_store(store).held(store.config)
    return held if held is not None and generation_folder(settings, held).is_dir() else None


def _record_interval(settings: Settings, store: FeatureStore, views: list[FeatureView], moment: datetime) -> None:
    """Tell Feast's registry, whose tools show up to when a view was materialised."""
    end = moment.replace(tzinfo=UTC)
    start = end - max_age(settings)
    with locked(settings, "apply"):
        store.refresh_registry()
        for view in views:
            store.registry.apply_materialization(view, store.project, start, end, commit=False)
        store.registry.commit()


def _quiet(view: str, done: int, total: int) -> None:
    del view, done, total
