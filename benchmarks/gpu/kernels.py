"""The kernels of a training step: how many, how long, of which kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.training.steps import own_times, shares_by_kind

LONGEST = 10


def look_into(step: Callable[[], object], device: str, seconds: float) -> dict[str, Any]:
    """Profile a step.

    Args:
        step: Does it, and waits for the device.
        device: Torch device.
        seconds: How long it takes when nobody looks.

    Returns:
        ``kernels``, copies of memory included, and ``busy_share``, the share of the step in which one of them runs;
        ``time_by_kind``, their shares of the time by the kind of operation that launched them; ``longest``, those with
        most time. A processor launches no kernels: there the same is told of operations, without the first two.
    """
    is_cuda = torch.device(device).type == "cuda"
    with profile(activities=[ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * is_cuda) as seen:
        step()
    averages = seen.key_averages()
    return of_kernels(averages, seconds) if is_cuda else _of_operations(averages)


def of_kernels(averages: Sequence[Any], seconds: float) -> dict[str, Any]:
    """What `look_into` tells of a GPU's step, from the events of its profile, averaged by key."""
    # An annotation covers the kernels in it, and is none.
    kernels = [one for one in averages if one.device_type == DeviceType.CUDA and not one.is_user_annotation]
    busy = sum(kernel.self_device_time_total for kernel in kernels)
    return {
        "kernels": sum(kernel.count for kernel in kernels),
        "busy_share": busy / 1e6 / seconds,
        "time_by_kind": shares_by_kind(own_times(averages, "cuda"), busy),
        "longest": longest_of((one.key, one.self_device_time_total, one.count) for one in kernels),
    }


def _of_operations(averages: Sequence[Any]) -> dict[str, Any]:
    times = own_times(averages, "cpu")
    return {
        "kernels": None,
        "busy_share": None,
        "time_by_kind": shares_by_kind(times, sum(times.values())),
        "longest": longest_of((name, spent, None) for name, spent in times.items()),
    }


def longest_of(found: Iterable[tuple[str, float, int | None]]) -> list[dict[str, Any]]:
    """Those that take most time, from name, microseconds and number."""
    most = sorted(found, key=lambda one: -one[1])[:LONGEST]
    return [{"name": name[:120], "ms": spent / 1e3, "count": count} for name, spent, count in most]
