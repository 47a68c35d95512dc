"""What is sent back. The event contract has no returns, so they are part of the truth alone."""

from __future__ import annotations

import numpy as np

from uniscale.simulator.draws import Array, sigmoid, stream, uniform
from uniscale.simulator.events import DAY, PURCHASE
from uniscale.simulator.state import State
from uniscale.simulator.world import World


def returned_at(world: World, state: State, acted: Array) -> Array:
    """When the ``EVENT`` records of a day are sent back, microseconds since 1970; 0 for what stays and is no purchase.

    Attractive items of little quality disappoint.
    """
    knobs, items = world.knobs, world.items
    rng = stream(world.seed, "returns", state.day)
    item = acted["item"]
    logit = np.log(knobs.returns / (1 - knobs.returns)) + 0.5 * (items.attractiveness[item] - items.quality[item])
    comes_back = (uniform(rng, len(acted)) < sigmoid(logit)) & (acted["kind"] == PURCHASE)
    after = 1 + (rng.exponential(knobs.return_days, size=len(acted)) * DAY).astype(np.int64)
    when: Array = np.where(comes_back, acted["acted_at"] + after, 0)
    return when
