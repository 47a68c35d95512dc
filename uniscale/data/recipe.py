"""Which rows a ranker is trained on: the exposed ones alone, or a share of the entire-space samples beside them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class DataRecipe:
    """Training data as a share of what ES3 adds to the exposed rows.

    At 0 the training set is what a plain log gives: exposed rows of real target-domain requests with their native
    labels. At 1 it is the whole of ``es3.samples``: unexposed rows, labels of outside actions, synthetic requests.
    Between them each addition is kept or left out by a hash of its identifiers, so a larger share holds every row of a
    smaller one, and the same share is the same rows every time.

    Attributes:
        es3_share: Share of ES3's additions, in [0, 1].
    """

    es3_share: float

    def __post_init__(self) -> None:
        if not 0 <= self.es3_share <= 1:
            raise ValueError(f"es3_share={self.es3_share} must lie in [0, 1]; 0 is exposed rows only, 1 is all of ES3")

    @property
    def kind(self) -> str:
        """``exposed`` when nothing is added, else ``es3``."""
        return "es3" if self.es3_share > 0 else "exposed"


EXPOSED = DataRecipe(es3_share=0.0)
ES3 = DataRecipe(es3_share=1.0)
