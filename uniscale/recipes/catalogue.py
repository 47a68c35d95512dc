"""The named recipes. A variant calls its base and changes what differs; rates were chosen as docs/training.md tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from uniscale.data.recipe import ES3, EXPOSED
from uniscale.recipes.recipe import Recipe
from uniscale.training.config import TrainConfig

_XS = TrainConfig(epochs=2, batch_requests=32, embedding_rate=0.4, dense_rate=2e-3, warmup_steps=100)
_S = replace(_XS, batch_requests=64, warmup_steps=200)
_M = replace(_XS, batch_requests=128, warmup_steps=400)


def dlrm_xs() -> Recipe:
    """The first champion: DLRM-MLP on exposed rows."""
    return Recipe(name="dlrm_xs", model="dlrm", size="xs", data=EXPOSED, train=_XS)


def dlrm_s() -> Recipe:
    """DLRM-MLP one size up."""
    return replace(dlrm_xs(), name="dlrm_s", size="s", train=_S)


def dlrm_m() -> Recipe:
    """DLRM-MLP two sizes up."""
    return replace(dlrm_xs(), name="dlrm_m", size="m", train=_M)


def _hhsft(name: str, size: str, train: TrainConfig) -> Recipe:
    return Recipe(
        name=name, model="hhsft", size=size, data=ES3, train=replace(train, embedding_rate=0.2, dense_rate=1e-3)
    )


def hhsft_xs() -> Recipe:
    """The daily challenger: HHSFT on entire-space samples."""
    return _hhsft("hhsft_xs", "xs", _XS)


def hhsft_s() -> Recipe:
    """HHSFT on entire-space samples, one size up."""
    return _hhsft("hhsft_s", "s", _S)


def hhsft_m() -> Recipe:
    """HHSFT on entire-space samples, two sizes up."""
    return _hhsft("hhsft_m", "m", _M)


def hhsft_exposed_xs() -> Recipe:
    """HHSFT without entire-space samples: what the model alone is worth."""
    return replace(hhsft_xs(), name="hhsft_exposed_xs", data=EXPOSED)


def hhsft_exposed_s() -> Recipe:
    """HHSFT on exposed rows, one size up."""
    return replace(hhsft_s(), name="hhsft_exposed_s", data=EXPOSED)


def hhsft_exposed_m() -> Recipe:
    """HHSFT on exposed rows, two sizes up."""
    return replace(hhsft_m(), name="hhsft_exposed_m", data=EXPOSED)


RECIPES: dict[str, Callable[[], Recipe]] = {
    "dlrm_xs": dlrm_xs,
    "dlrm_s": dlrm_s,
    "dlrm_m": dlrm_m,
    "hhsft_xs": hhsft_xs,
    "hhsft_s": hhsft_s,
    "hhsft_m": hhsft_m,
    "hhsft_exposed_xs": hhsft_exposed_xs,
    "hhsft_exposed_s": hhsft_exposed_s,
    "hhsft_exposed_m": hhsft_exposed_m,
}


def get_recipe(name: str) -> Recipe:
    """A recipe by name.

    Raises:
        ValueError: No recipe has this name; the message lists them.
    """
    if name not in RECIPES:
        raise ValueError(f"no recipe is called {name!r}; the recipes are {', '.join(RECIPES)}")
    return RECIPES[name]()
