"""The next batches are made while the current one is trained on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")

_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


class _End:
    pass


def prefetch(items: Iterable[Item], depth: int) -> Iterator[Item]:
    """The same items in the same order, made by a thread that is up to ``depth`` of them ahead.

    The thread ends with the iterator: when it is used up, closed, or dropped. An error while an item is made is raised
    where the item would have come.

    Args:
        items: What is iterated, by the thread only.
        depth: Items that wait, at least; 0 makes each item when it is asked for, without a thread.
    """
    if depth == 0:
        yield from items
        return
    ready: queue.Queue[Item | _Failure | _End] = queue.Queue(maxsize=depth)
    stop = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, ready, stop), daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, _End):
                return
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        stop.set()
        thread.join()


def _fill(items: Iterable[Item], ready: queue.Queue[Item | _Failure | _End], stop: threading.Event) -> None:
    try:
        for item in items:
            if not _put(item, ready, stop):
                return
        _put(_End(), ready, stop)
    except BaseException as error:  # raised again where the item is asked for
        _put(_Failure(error), ready, stop)


def _put(item: Item | _Failure | _End, ready: queue.Queue[Item | _Failure | _End], stop: threading.Event) -> bool:
    """Hand an item over, unless nobody waits for it any more."""
    while not stop.is_set():
        try:
            ready.put(item, timeout=_PAUSE_SECONDS)
        except queue.Full:
            continue
        return True
    return False
