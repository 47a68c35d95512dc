"""Which rows a ranker is trained on, and with whose labels: the exposed ones, and what ES3's stages add to them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class DataRecipe:
    """Training data as what is added to a plain log: exposed rows of real target-domain requests, native labels.

    Attributes:
        name: The word that recipes and sweeps know it by.
        meaning: What it holds, for people.
        unexposed: Stage A: rows that were considered and not shown.
        attributed: Stage B: labels of outside actions, on the rows that are there.
        searchified: Stage C: synthetic requests of other domains.
        share: Share of the additions, in [0, 1]. Each is kept or left out by a hash of its identifiers, so a larger
            share holds every row of a smaller one, and the same share is the same rows every time.
        steps_of: Name of the data whose number of steps it is trained for, at the same epochs; default its own.
    """

    name: str
    meaning: str
    unexposed: bool = False
    attributed: bool = False
    searchified: bool = False
    share: float = 1.0
    steps_of: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(
                f"share={self.share} of {self.name} must lie in [0, 1]; 0 adds nothing to the exposed rows, 1 all"
            )

    @property
    def is_whole(self) -> bool:
        """Whether it is the frames as they are."""
        return self.unexposed and self.attributed and self.searchified and self.share == 1


EXPOSED = DataRecipe(name="exposed", meaning="shown rows with native labels")
ES3 = DataRecipe(name="es3", meaning="all of it (A+B+C)", unexposed=True, attributed=True, searchified=True)

DATA = {
    one.name: one
    for one in (
        EXPOSED,
        DataRecipe(name="exposed_long", meaning="the same, for as many steps as es3 takes", steps_of="es3"),
        DataRecipe(name="unexposed", meaning="and rows that were not shown (A)", unexposed=True),
        DataRecipe(name="attributed", meaning="and labels of outside actions (A+B)", unexposed=True, attributed=True),
        # Rows not shown with a label, and none without one, would say that what is not shown is good.
        DataRecipe(name="attributed_shown", meaning="shown rows with labels of outside actions", attributed=True),
        DataRecipe(name="searchified", meaning="shown rows and synthetic requests (C)", searchified=True),
        DataRecipe(
            name="unattributed", meaning="all but labels of outside actions (A+C)", unexposed=True, searchified=True
        ),
        ES3,
    )
}
"""The data recipes by name."""


def get_data(name: str) -> DataRecipe:
    """A data recipe by name.

    Raises:
        ValueError: There is none of this name; the message lists them.
    """
    if name not in DATA:
        raise ValueError(f"no data recipe is called {name!r}; they are {', '.join(DATA)}")
    return DATA[name]
