"""What monitoring writes: profiles of every day's rows, what stood out in them, and how source rows differ.

A *population* is the rows of one stage that share domain, provenance and query tier. Its name joins what is known of
these with slashes: ``training/search/native/0``, ``exposures/feed/shown``, ``features/item_features``.
"""

from __future__ import annotations

from uniscale.contracts.schema import Column, Table

STAGES = (
    "requests",
    "actions",
    "items",
    "users",
    "rejected",
    "exposures",
    "features",
    "samples",
    "training",
    "test",
    "served",
    "predictions",
)
"""Where rows were taken from, in the order of the data's way."""

KINDS = ("number", "category", "text", "flag")
"""How a column is described: by quantiles; by shares of values; a text by quantiles of its length; by its rate."""

QUANTILES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Levels of a profile's quantiles."""

MAX_VALUES = 50
"""Values of a category that a profile keeps, the most frequent ones."""

CLASSIFIER_COLUMNS = 8
"""Columns named that a classifier goes by, the strongest ones."""

DECILES = 10
"""Parts of the scores of native rows, each of as many rows."""

BY_LABEL_AGE = ("attributed_exposed", "attributed_unexposed", "synthetic")
"""Provenances whose rows exist by what users did elsewhere: more of them become known as a day grows older."""

ROWS = "(rows)"
"""Stands for the column in what concerns a population as a whole: how many rows it has, or that it has none."""

_DS = Column(name="ds", type="DATE", description="Day of the run.")
_POPULATION = (
    Column(name="population", type="VARCHAR", description="Stage, domain, provenance and query tier, as known."),
    Column(name="stage", type="VARCHAR", description="Where the rows were taken from.", allowed=STAGES),
    Column(name="domain", type="VARCHAR", description="Domain; NULL for rows of no domain.", nullable=True),
    Column(
        name="provenance",
        type="VARCHAR",
        description="shown, unshown, or as in es3.samples; table, kind or role; NULL if rows are not told apart.",
        nullable=True,
    ),
    Column(name="query_tier", type="INTEGER", description="As in es3.samples; NULL elsewhere.", nullable=True),
)
_COLUMN_NAME = Column(name="column_name", type="VARCHAR", description="Column, or numeric input by name.")

PROFILES = Table(
    schema="monitor",
    name="profiles",
    grain=(
        "One row per run day, population and column; rows of the stages test, served and predictions are those of the "
        "test days after it."
    ),
    key=("ds", "population", "column_name"),
    columns=(
        _DS,
        *_POPULATION,
        _COLUMN_NAME,
        Column(name="kind", type="VARCHAR", description="How the column is described.", allowed=KINDS),
        Column(name="num_rows", type="BIGINT", description="Rows of the population.", minimum=0),
        Column(name="num_requests", type="BIGINT", description="Requests, or other groups, that the rows come from."),
        Column(
            name="weight", type="DOUBLE", description="Sum of the rows' training weights; of other rows their number."
        ),
        Column(name="num_nulls", type="BIGINT", description="Rows without a value.", minimum=0),
        Column(name="num_distinct", type="BIGINT", description="Different values, about (HyperLogLog)."),
        Column(
            name="mean",
            type="DOUBLE",
            description="Mean; of a flag its rate, of a text its mean length; NULL without a value.",
            nullable=True,
        ),
        Column(name="std", type="DOUBLE", description="Standard deviation of the same.", nullable=True),
        Column(
            name="quantiles",
            type="DOUBLE[]",
            description="Of a number, or of a text's length, at the levels QUANTILES; NULL without a value.",
            nullable=True,
        ),
        Column(
            name="top_values",
            type="VARCHAR[]",
            description="Of a category: most frequent values, then by name.",
            nullable=True,
        ),
        Column(name="top_counts", type="BIGINT[]", description="Their rows.", nullable=True),
        Column(
            name="label_as_of",
            type="TIMESTAMP",
            description="Labels use only events recorded before this UTC time; NULL for rows without labels.",
            nullable=True,
        ),
    ),
)

MEASURES = (
    "missing_population",
    "new_population",
    "new_domain",
    "volume",
    "null_rate",
    "level",
    "share",
    "new_values",
    "rate",
)
"""What stands out: no rows where there were some; rows where there were none; rows of a domain that is not declared;
the number of rows; the share of rows without a value; quantiles of a number; shares of a category's values; the share
of values never seen before; the rate of a flag, labels among them."""

SCORED = ("volume", "null_rate", "level", "share", "rate")
"""Measures that are judged by a score: against how much they differ from day to day."""

SEVERITIES = ("warning", "critical")

FINDINGS = Table(
    schema="monitor",
    name="findings",
    grain="One row per run day, population, column and thing that stands out against the same population's last days.",
    key=("ds", "population", "column_name", "what"),
    columns=(
        _DS,
        *_POPULATION,
        Column(name="column_name", type="VARCHAR", description=f"Column; {ROWS} for the population as a whole."),
        Column(name="what", type="VARCHAR", description="What stands out.", allowed=MEASURES),
        Column(
            name="value",
            type="DOUBLE",
            description="What it is: rows, a share, a rate, or of a level the quantile that moved most.",
        ),
        Column(name="expected", type="DOUBLE", description="What the last days let expect.", nullable=True),
        Column(
            name="effect",
            type="DOUBLE",
            description=(
                "How far apart: ln(value / expected) of volumes and rates, difference of shares, total variation of "
                "categories, standard deviations of the column of levels."
            ),
        ),
        Column(
            name="score",
            type="DOUBLE",
            description="Effect over its day-to-day variation; NULL where there is none to compare with.",
            nullable=True,
        ),
        Column(name="limit", type="DOUBLE", description="Score from which it stands out.", nullable=True),
        Column(name="num_days", type="BIGINT", description="Days compared with.", minimum=0),
        Column(name="severity", type="VARCHAR", description="How bad.", allowed=SEVERITIES),
        Column(name="detail", type="VARCHAR", description="The finding in a sentence."),
    ),
)

CONTRASTS = Table(
    schema="monitor",
    name="contrasts",
    grain="One row per run day, population of training rows and column, against native rows of the target domain.",
    key=("ds", "population", "column_name"),
    columns=(
        _DS,
        *_POPULATION,
        _COLUMN_NAME,
        Column(name="kind", type="VARCHAR", description="How the column is described.", allowed=KINDS),
        Column(name="value", type="DOUBLE", description="Mean or rate here.", nullable=True),
        Column(name="native_value", type="DOUBLE", description="Mean or rate of native rows.", nullable=True),
        Column(name="null_rate", type="DOUBLE", description="Share of rows without a value here."),
        Column(name="native_null_rate", type="DOUBLE", description="The same of native rows."),
        Column(
            name="distance",
            type="DOUBLE",
            description=(
                "Between the distributions: of numbers the mean difference of quantiles in standard deviations of "
                "native rows, of categories total variation, of flags the difference of rates; NULL without values."
            ),
            nullable=True,
        ),
    ),
)

SEPARABILITY = Table(
    schema="monitor",
    name="separability",
    grain="One row per run day and population of training rows: how well a small classifier tells it from native rows.",
    key=("ds", "population"),
    columns=(
        _DS,
        *_POPULATION,
        Column(name="num_rows", type="BIGINT", description="Sampled rows of the population."),
        Column(name="num_native", type="BIGINT", description="Sampled native rows of the target domain."),
        Column(name="auc", type="DOUBLE", description="Cross-validated by user; 0.5 is no difference.", nullable=True),
        Column(name="auc_se", type="DOUBLE", description="Standard error over the folds.", nullable=True),
        Column(name="top_columns", type="VARCHAR[]", description="What it goes by, strongest first."),
        Column(
            name="top_losses", type="DOUBLE[]", description="AUC lost when the column is shuffled, in the same order."
        ),
        Column(name="weight_share", type="DOUBLE", description="Share of the day's training weight."),
    ),
)

SCORE_RATES = Table(
    schema="monitor",
    name="score_rates",
    grain="One row per run day, population of training rows and tenth of the champion's click scores.",
    key=("ds", "population", "decile"),
    columns=(
        _DS,
        *_POPULATION,
        Column(name="decile", type="INTEGER", description="1 lowest to 10; tenths of native rows' scores.", minimum=1),
        Column(name="model_version", type="VARCHAR", description="Registered version that scored."),
        Column(name="num_rows", type="BIGINT", description="Sampled rows with such a score."),
        Column(name="num_clicks", type="BIGINT", description="Those labelled as clicked."),
        Column(name="mean_score", type="DOUBLE", description="Mean predicted click probability."),
        Column(name="weight_share", type="DOUBLE", description="Share of the population in the day's training weight."),
    ),
)

MONITOR_TABLES: tuple[Table, ...] = (PROFILES, FINDINGS, CONTRASTS, SEPARABILITY, SCORE_RATES)
