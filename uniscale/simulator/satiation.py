"""What purchases change: the need is met, and the category interests less for a while."""

from __future__ import annotations

import numpy as np

from uniscale.simulator.draws import Array, stream, uniform
from uniscale.simulator.state import State, draw_needs
from uniscale.simulator.world import World


def settle(world: World, state: State, users: Array, items: Array) -> None:
    """Let the day's purchases, of ``users`` [N] and ``items`` [N], tell on the state; in force from the next day."""
    knobs = world.knobs
    category = world.items.category[items]
    if knobs.need_met:
        is_met = np.zeros(len(state.need), dtype=bool)
        is_met[users[state.need[users] == category]] = True
        rng = stream(world.seed, "needs met", state.day)
        is_met &= uniform(rng, len(is_met)) < knobs.need_met
        state.need = np.where(is_met, draw_needs(world, rng), state.need)
    if knobs.satiation:
        if not state.satiation.size:
            state.satiation = np.zeros((len(state.need), world.size.num_categories), dtype=np.float32)
        state.satiation *= np.float32(0.5 ** (1 / knobs.satiation_days))
        state.satiation[users, category] = 1.0


def weariness(world: World, state: State, users: Array, items: Array) -> Array:
    """What satiation takes off the logits of users [R] and items [R, K]."""
    if not state.satiation.size:  # the first day: nobody has bought yet
        return np.zeros(items.shape, dtype=np.float32)
    worn: Array = np.float32(world.knobs.satiation) * state.satiation[users[:, None], world.items.category[items]]
    return worn
