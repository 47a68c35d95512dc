"""The ES3 policy: windows, targets, ratios and weights, declared in one YAML file and checked here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

DEFAULT_POLICY = Path(__file__).with_name("policy.yaml")

Target = Literal["exposed", "clicked", "exposed_unclicked", "unexposed"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ActionRule(_Strict):
    """How one kind of outside action labels target-domain rows (hierarchical label attribution).

    Attributes:
        window_hours: An action counts from the request's time (inclusive) to this many hours later (inclusive).
        targets: Row kinds that may take the label, best first.
        label_weight: Training weight of such a label, in (0, 1].
    """

    window_hours: int = Field(gt=0, le=24 * 90)
    targets: tuple[Target, ...] = Field(min_length=1)
    label_weight: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _targets_do_not_overlap(self) -> Self:
        if len(set(self.targets)) != len(self.targets):
            raise ValueError(f"targets {self.targets} name a row kind twice; name each once")
        if "exposed" in self.targets and {"clicked", "exposed_unclicked"} & set(self.targets):
            raise ValueError(f"targets {self.targets} overlap: exposed already holds clicked and exposed_unclicked")
        return self


class Attribution(_Strict):
    """Stage B: which outside actions label which rows."""

    lateness_days: int = Field(ge=0, le=30)
    click: ActionRule
    purchase: ActionRule

    @property
    def window_days(self) -> int:
        """Days after ``ds`` until the labels of ``ds`` no longer change."""
        hours = max(self.click.window_hours, self.purchase.window_hours)
        return -(-hours // 24) + self.lateness_days


class Maturity(_Strict):
    """What training does with days whose attribution windows are still open: some of their labels are yet to come.

    Attributes:
        young_days: ``weigh``: an attributed positive of a young day stands for those still to come as well, so its
            weight is divided by the share of labels known at the day's age; ``wait``: train on final days only;
            ``keep``: take young labels as they are.
        max_weight: Most that a weight is multiplied by.
    """

    young_days: Literal["weigh", "wait", "keep"]
    max_weight: float = Field(ge=1)


class Unexposed(_Strict):
    """Stage A: unexposed rows drawn per exposed row."""

    ratio: float = Field(ge=0, le=100)


class NearestQuery(_Strict):
    """Tier 3: the query nearest to the titles of a request's items of one category.

    Attributes:
        embedder: ``ngrams`` (self-contained), or ``sentence-transformers:FOLDER`` with a model that lies on the disk.
        index: A FAISS index as its factory writes it: ``Flat`` is exact, ``HNSW32`` is for hundreds of thousands of
            queries.
        min_similarity: Smallest cosine of query and titles.
    """

    embedder: str = Field(pattern=r"^(ngrams|sentence-transformers:.+)$")
    index: str = Field(min_length=1)
    min_similarity: float = Field(ge=0, le=1)


class Searchification(_Strict):
    """Stage C: synthetic search requests from other domains' clicks.

    Attributes:
        tiers: Where a query may come from, best first: 1 own past query, 2 co-occurrence, 3 nearest query.
        history_days: Days that past searches look back.
        min_support: Tier 2: clicks of query and category; tier 3: users who asked the query.
        min_confidence: Smallest lower bound of the share of a query's clicks that go to the category.
        user_mix: Tier 2: what each word that the user has searched before adds to a query's chance, in multiples of its
            clicks; 0 draws by clicks alone.
        nearest: Tier 3.
        max_negatives: Most negatives per positive.
        max_leak: How much better than real rows (AUC of text match alone) synthetic rows may be; more stops the day.
    """

    tiers: tuple[Literal[1, 2, 3], ...]
    history_days: int = Field(gt=0)
    min_support: int = Field(gt=0)
    min_confidence: float = Field(ge=0, le=1)
    user_mix: float = Field(ge=0)
    nearest: NearestQuery
    max_negatives: int = Field(gt=0)
    max_leak: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _tiers_come_once(self) -> Self:
        if len(set(self.tiers)) != len(self.tiers):
            raise ValueError(f"tiers {list(self.tiers)} name a tier twice; name each once")
        return self


class Weights(_Strict):
    """Training weight of a row by provenance."""

    native: float = Field(ge=0, le=1)
    attributed_exposed: float = Field(ge=0, le=1)
    attributed_unexposed: float = Field(ge=0, le=1)
    unexposed: float = Field(ge=0, le=1)
    synthetic: float = Field(ge=0, le=1)


class Policy(_Strict):
    """The whole ES3 policy; ``version`` is stored with every row it made."""

    version: str = Field(min_length=1)
    attribution: Attribution
    maturity: Maturity
    unexposed: Unexposed
    searchification: Searchification
    weights: Weights


def load_policy(path: Path | None = None) -> Policy:
    """Read a policy file; without a path, the default beside this module.

    Raises:
        ValueError: The file has an unknown key, a missing key or a value out of range; the message names it.
    """
    source = path or DEFAULT_POLICY
    content = yaml.safe_load(source.read_text(encoding="utf-8"))
    return Policy.model_validate(content)
