"""The ES3 policy: windows, targets, ratios and weights, declared in one YAML file and checked here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

DEFAULT_POLICY = Path(__file__).with_name("policy.yaml")

Target = Literal["exposed", "clicked", "exposed_unclicked", "unexposed"]
Tie = Literal["most_recent", "earliest"]
Match = Literal["item", "cluster"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ActionRule(_Strict):
    """How one kind of outside action labels target-domain rows (hierarchical label attribution).

    Attributes:
        window_hours: An action counts from the request's time (inclusive) to this many hours later (inclusive).
        before_request_hours: An action counts also this many hours before the request (inclusive); 0 for none. Then a
            label can come from something the user did, and the platform knew, before the request.
        targets: Row kinds that may take the label, best first.
        tie: Which of several requests with an equally good row takes the label.
        match: Rows that may take the label hold the action's ``item``, or an item of the same product ``cluster``.
        cluster_attribute: Item attribute that names the cluster; an item without it is a cluster of its own.
        label_weight: Training weight of such a label, in (0, 1].
    """

    window_hours: int = Field(gt=0, le=24 * 90)
    before_request_hours: int = Field(default=0, ge=0, le=24 * 7)
    targets: tuple[Target, ...] = Field(min_length=1)
    tie: Tie = "most_recent"
    match: Match = "item"
    cluster_attribute: str | None = Field(default=None, min_length=1)
    label_weight: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _targets_do_not_overlap(self) -> Self:
        if len(set(self.targets)) != len(self.targets):
            raise ValueError(f"targets {self.targets} name a row kind twice; name each once")
        if "exposed" in self.targets and {"clicked", "exposed_unclicked"} & set(self.targets):
            raise ValueError(f"targets {self.targets} overlap: exposed already holds clicked and exposed_unclicked")
        return self

    @model_validator(mode="after")
    def _a_cluster_has_a_name(self) -> Self:
        if self.match == "cluster" and self.cluster_attribute is None:
            raise ValueError("match: cluster needs cluster_attribute; name the item attribute that holds the cluster")
        if self.match == "item" and self.cluster_attribute is not None:
            raise ValueError(
                f"cluster_attribute {self.cluster_attribute!r} is not read by match: item; set match: cluster"
            )
        return self


class Attribution(_Strict):
    """Stage B: which outside actions label which rows.

    Attributes:
        lateness_days: Days after it happened that an action may become known and still label its request.
        weight: ``rule``: a label counts what its rule says; ``lift``: times the part of such labels that the search is
            behind (`uniscale.es3.lift`).
        click: Rule of outside clicks.
        purchase: Rule of outside purchases.
    """

    lateness_days: int = Field(ge=0, le=30)
    weight: Literal["rule", "lift"]
    click: ActionRule
    purchase: ActionRule

    @property
    def window_days(self) -> int:
        """Days after ``ds`` until the labels of ``ds`` no longer change.

        An action is decided when it is known and no later request can take it any more.
        """
        hours = max(self.click.window_hours, self.purchase.window_hours)
        return -(-hours // 24) + max(self.lateness_days, self.before_days)

    @property
    def before_days(self) -> int:
        """Days before a request from which an action may still label it; 0 by default."""
        return -(-max(self.click.before_request_hours, self.purchase.before_request_hours) // 24)

    @property
    def matches_clusters(self) -> bool:
        """Whether any rule reads the attributes of items."""
        return "cluster" in (self.click.match, self.purchase.match)


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
        prior_clicks: Clicks that the category's share of all clicks weighs like, in that share.
        user_mix: Tier 2: what each word that the user has searched before adds to a query's chance, in multiples of its
            clicks; 0 draws by clicks alone.
        nearest: Tier 3.
        max_negatives: Most negatives per positive.
        visit_minutes: A click without a request belongs to the last list in which its user saw the item in its domain,
            if it is not older than this; 0 for none.
        positive_rate: What is done about synthetic lists holding fewer fitting items than real ones. ``weigh``: a
            positive with n negatives weighs min(1, n / m), where real lists have m per positive; ``keep``: nothing.
        max_leak: How much better than in real lists an input may order the items of synthetic requests (AUC within the
            request); for the inputs that tie an item to the query, also how much worse. More stops the day.
        leak_errors: How sure of it the step must be: standard errors of a single comparison, shared out over all.
    """

    tiers: tuple[Literal[1, 2, 3], ...]
    history_days: int = Field(gt=0)
    min_support: int = Field(gt=0)
    min_confidence: float = Field(ge=0, le=1)
    user_mix: float = Field(ge=0)
    nearest: NearestQuery
    max_negatives: int = Field(gt=0)
    visit_minutes: int = Field(ge=0, le=24 * 60)
    positive_rate: Literal["weigh", "keep"]
    prior_clicks: float = Field(ge=0)
    max_leak: float = Field(ge=0, le=1)
    leak_errors: float = Field(ge=0, le=6)

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

    @property
    def digest(self) -> str:
        """Hash of the values: two policies of one version that differ here contradict each other."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def load_policy(path: Path | None = None) -> Policy:
    """Read a policy file; without a path, the default next to this module.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no YAML, is empty, or has an unknown, repeated or missing key or a value out of range;
            the message has one line per fault, each with the file and the path of the key.
    """
    source = path or DEFAULT_POLICY
    try:
        content = yaml.load(source.read_text(encoding="utf-8"), _UniqueKeys)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"policy {source}: no such file; copy {DEFAULT_POLICY} and change it") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"policy {source}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        found = "empty" if content is None else f"a {type(content).__name__}, not sections"
        raise ValueError(f"policy {source}: {found}; start from {DEFAULT_POLICY}")
    try:
        return Policy.model_validate(content)
    except ValidationError as error:
        raise ValueError("\n".join(f"policy {source}: {_fault(entry)}" for entry in error.errors())) from error


class _UniqueKeys(yaml.SafeLoader):
    """YAML whose mappings name each key once; PyYAML would take the last one silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _fault(entry: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in entry["loc"])
    if entry["type"] == "extra_forbidden":
        known = _keys(entry["loc"][:-1])
        near = get_close_matches(str(entry["loc"][-1]), known, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        return f"{place}: unknown key; {advice}"
    if entry["type"] == "missing":
        return f"{place}: missing; the default file has it, with its meaning"
    if entry["type"] == "value_error":
        return f"{place}: {entry['ctx']['error']}"
    return f"{place}: {entry['msg'][0].lower()}{entry['msg'][1:]}; found {entry['input']!r}"


def _keys(path: tuple[str | int, ...]) -> list[str]:
    section: type[BaseModel] = Policy
    for part in path:
        kind = section.model_fields[str(part)].annotation
        assert isinstance(kind, type) and issubclass(kind, BaseModel)
        section = kind
    return list(section.model_fields)
