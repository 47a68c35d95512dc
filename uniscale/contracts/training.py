"""The words that name how a ranker is trained, where a setting may say them; the code behind each is elsewhere."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

RANKERS = (
    *("dlrm", "dcnv2", "wukong", "hiformer", "rankmixer", "rankmixer_moe", "unimixer", "unimixer_lite"),
    *("msn", "mdl", "longer", "hyformer", "hhfi", "hhsft"),
)
"""Names of the model zoo."""

DATA = (
    *("exposed", "exposed_long", "unexposed", "attributed", "attributed_shown", "searchified", "unattributed"),
    "es3",
)
"""What a recipe is trained on: shown rows with native labels, and what the stages of ES3 add."""

OBSERVATIONS = ("off", "additive", "examination")
"""How labels are taken to be observed."""

SIZES = ("xs", "s", "m", "l", "xl")
"""Sizes of a ranker."""

PRECISIONS = ("fp32", "bf16_matmul", "bf16")
TABLES = ("torch", "fbgemm", "sharded")
DENSE = ("replicated", "sharded")
WORDS: Mapping[str, Sequence[str]] = {"precision": PRECISIONS, "tables": TABLES, "dense": DENSE}
"""Words that a worker's setting may be, by its name."""

BACK_ENDS = ("gloo", "nccl", "mpi", "ucc")
"""Collective back ends; torch.distributed also takes one by device: ``cpu:gloo,cuda:nccl``."""


def check_recipe_name(name: str, own: Collection[str] = ()) -> None:
    """Refuse what names no recipe.

    Args:
        name: Name of a recipe.
        own: Names of the installation's own recipes.

    Raises:
        ValueError: The message lists what a name is made of.
    """
    if name not in own and not is_packaged_recipe(name):
        yours = f", or one of your own: {', '.join(own)}" if own else ""
        raise ValueError(
            f"no recipe is called {name!r}; a name is MODEL_DATA_SIZE, say hhsft_es3_xs, of the models "
            f"{', '.join(sorted(RANKERS))}, the data {', '.join(DATA)} and the sizes {', '.join(SIZES)}{yours}"
        )


def is_packaged_recipe(name: str) -> bool:
    """Whether a name is MODEL_DATA_SIZE."""
    parts = re.fullmatch(rf"(.+)_({'|'.join(DATA)})_({'|'.join(SIZES)})", name)
    return parts is not None and parts[1] in RANKERS


def check_word(setting: str, word: str) -> None:
    """Refuse a word that a worker's setting cannot be.

    Raises:
        ValueError: The message lists those that it can.
    """
    if word not in WORDS[setting]:
        raise ValueError(f"{setting}={word!r} is unknown; use one of {', '.join(WORDS[setting])}")


def check_back_end(name: str) -> None:
    """Refuse a collective back end that there is not.

    Raises:
        ValueError: The message lists those that there are.
    """
    if any(part.split(":")[-1] not in BACK_ENDS for part in name.split(",")):
        raise ValueError(f"write one of {', '.join(BACK_ENDS)}, or one by device: cpu:gloo,cuda:nccl")
