"""The worlds that come with the package. Each is a claim about real shops, made before any ranker was tried on it.

docs/worlds.md gives the reasons and draws them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from uniscale.simulator.blueprint import Blueprint, read_world, with_changes
from uniscale.simulator.knobs import Knobs

DEFAULT = Blueprint(name="default", about="A sober shop: as much feed as search, lists of the size.", knobs=Knobs())

PRESETS: dict[str, Blueprint] = {
    world.name: world
    for world in (
        DEFAULT,
        Blueprint(
            name="follow_shown",
            about="People come back only for what a search has shown them.",
            knobs=Knobs(follow_up_from="shown"),
        ),
        Blueprint(
            name="long_lists",
            about="A search has 200 candidates from three times the goods, and people browse more than they search.",
            knobs=Knobs(candidates_per_search=200, assortment=3.0, feed_per_search=3.0, feed_candidates=60),
        ),
        Blueprint(
            name="channels_apart",
            about="Browsing is not searching: another taste, pictures that seduce, little of the need, more of it.",
            knobs=Knobs(feed_intent=0.0, clickbait_feed=1.2, feed_need=0.05, feed_per_search=3.0),
        ),
        Blueprint(
            name="everyday",
            about="Needs end with a purchase, sessions have several searches, words go wrong, robots look around.",
            knobs=Knobs(
                need_met=0.8,
                satiation=1.5,
                satiation_days=14.0,
                similar_pages=0.15,
                another_search=0.3,
                reformulated=0.2,
                misspelt=0.1,
                new_queries=0.15,
                bots=0.005,
                returns=0.15,
            ),
        ),
    )
}
"""By name."""


def choose_world(name_or_file: str = DEFAULT.name, changes: Sequence[str] = ()) -> Blueprint:
    """A preset, or the world of a file, with some knobs set.

    Args:
        name_or_file: Name of a preset, or path of a world file, which ends in ``.toml``.
        changes: ``name=value`` each; of two for one knob the later counts.

    Raises:
        ValueError: No preset has the name, the file is no world, a knob is unknown or its value will not do.
        FileNotFoundError: The file does not exist.
    """
    if name_or_file.endswith(".toml"):
        base = read_world(Path(name_or_file))
    elif name_or_file in PRESETS:
        base = PRESETS[name_or_file]
    else:
        raise ValueError(
            f"no world is called {name_or_file!r}; choose one of {', '.join(PRESETS)}, or name a file (NAME.toml)"
        )
    return with_changes(base, dict(_split(change) for change in changes), "--set")


def _split(change: str) -> tuple[str, str]:
    name, _, value = (part.strip() for part in change.partition("="))
    if not name or not value:
        raise ValueError(f"--set {change}: write --set NAME=VALUE, for example --set feed_per_search=3")
    return name, value
