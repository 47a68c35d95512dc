"""All settings with their defaults, in one place.

A value comes from the environment (``UNISCALE_WINDOW__TRAIN_DAYS=3``), else from ``uniscale.toml`` in the working
folder (or the file ``UNISCALE_CONFIG`` names; ``/dev/null`` for none), else from the default here. Unknown keys are
refused. Below the checkout, as in ``dbt_project``, the checkout counts as the working folder.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from uniscale.checkout import PROJECT_ROOT
from uniscale.config.faults import settings_fault
from uniscale.config.lake_catalog import split_password
from uniscale.contracts.features import MAX_FRESH_ACTIONS
from uniscale.contracts.inputs import HISTORY_LENGTH
from uniscale.contracts.metrics import MIN_REQUESTS, check_metric
from uniscale.contracts.optimisation import ANY_OPTIMISATION, changed
from uniscale.contracts.slices import SLICES, WHOLE, check_slice
from uniscale.contracts.training import check_back_end, check_recipe_name, check_word, is_packaged_recipe

CATALOGUES = ("sqlite", "postgres")
ONLINE_STORES = ("sqlite", "redis")
_PREFIX = "UNISCALE_"
_TOKEN_LENGTH = 16


CPU_MICRO_BATCH = 32
"""Requests whose activations a CPU's cache holds: larger parts of a batch train more slowly there."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SourceSettings(_Section):
    """Where logs come from."""

    events_dir: Path | None = Field(
        default=None, description="Folder of contract logs; each day's run lands its new files."
    )
    positions_from: Literal[0, 1] = Field(
        default=1, description="What contract logs call the top of a list; it is 1 in the lake."
    )
    truth_dir: Path | None = Field(
        default=None, description="Truth of a simulated marketplace; read by evaluation only."
    )


class WindowSettings(_Section):
    """Days that a run reads."""

    train_days: int = Field(default=7, ge=1, description="Training days, the last one is ds.")
    eval_days: int = Field(default=1, ge=1, description="Days after ds whose target-domain requests are the test set.")


class LakeSettings(_Section):
    """Where tables live."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, hide_input_in_errors=True)

    catalog: str | None = Field(
        default=None, description="DuckLake catalogue: 'sqlite:PATH' or 'postgres:DSN'; default in home."
    )
    catalog_password: SecretStr | None = Field(
        default=None, description="Password of a PostgreSQL catalogue; one in the DSN is taken out and kept here."
    )
    data_path: str | None = Field(
        default=None, description="Folder or object store of the Parquet files; default in home."
    )
    lock_timeout_seconds: float = Field(
        default=60.0, gt=0, description="How long a catalogue is retried, counted from the first time it was locked."
    )
    memory_limit: str = Field(default="4GB", description="DuckDB's memory limit per process; more spills to disk.")
    threads: int | None = Field(default=None, ge=1, description="DuckDB threads; default all cores.")

    @field_validator("catalog", mode="before")
    @classmethod
    def _check_catalog(cls, catalog: object) -> object:
        if isinstance(catalog, str):
            kind, colon, location = catalog.partition(":")
            if kind not in CATALOGUES or not location:
                found = (
                    f"it begins with {kind + colon!r}" if colon else "it has no colon"
                )  # the rest may hold a password
                raise ValueError(f"write sqlite:PATH or postgres:DSN; {found}")
        return catalog

    @field_validator("memory_limit")
    @classmethod
    def _check_memory_limit(cls, limit: str) -> str:
        found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]i?B)", limit, flags=re.IGNORECASE)
        if found is None or float(found[1]) == 0:
            raise ValueError("write a number and a unit (KB, MB, GB, TB, KiB, MiB, GiB or TiB), for example 4GB")
        return limit

    @model_validator(mode="after")
    def _keep_the_password_apart(self) -> Self:
        """The catalogue is named in messages and handed to other tools; whoever shows it must not show a password."""
        if self.catalog is not None:
            self.__dict__["catalog"], password = split_password(self.catalog)
            self.__dict__["catalog_password"] = password or self.catalog_password
        return self


class RecipeSettings(_Section):
    """A recipe of this installation: a packaged one, or another of its own, with changes."""

    base: str = Field(description="Recipe that it differs from.")
    optimisation: dict[str, Any] = Field(
        default_factory=dict, description="Fields of the optimisation that differ, as docs/training.md lists them."
    )
    model: dict[str, Any] = Field(
        default_factory=dict, description="Fields of the ranker's configuration that differ, as its page lists them."
    )
    seed_offset: int = Field(default=0, description="Added to the installation's seed.")

    @field_validator("optimisation")
    @classmethod
    def _check_optimisation(cls, changes: dict[str, Any]) -> dict[str, Any]:
        changed(ANY_OPTIMISATION, changes)
        return changes


class TrainingSettings(_Section):
    """How rankers are trained."""

    champion_recipe: str = Field(
        default="dlrm_exposed_xs", description="Recipe of the first champion, used when none is registered."
    )
    challenger_recipe: str = Field(default="hhsft_es3_xs", description="Recipe trained every day.")
    num_workers: int = Field(default=2, ge=1, description="Ray Train workers.")
    threads: int = Field(default=1, ge=1, description="Torch threads of each worker.")
    device: str = Field(default="cpu", description="cpu, cuda, or cuda:N for one of several GPUs.")
    backend: str | None = Field(
        default=None,
        description="Collective back end, as torch.distributed names it; default gloo, and NCCL for what lies on GPUs.",
    )
    precision: str = Field(default="fp32", description="fp32, bf16_matmul or bf16: see docs/training.md.")
    compiled: bool = Field(default=False, description="Compile rankers with torch.compile.")
    tables: str = Field(
        default="torch",
        description="Embedding tables: torch, sharded (by row over workers) or fbgemm (one worker; extra 'fused').",
    )
    dense: str = Field(
        default="replicated", description="Other parameters: replicated, or sharded over workers (FSDP2)."
    )
    micro_batch: int | None = Field(
        default=None,
        ge=1,
        description="Requests that a worker computes at a time; gradients of a batch's parts add up. Fewer need less "
        f"memory. Default {CPU_MICRO_BATCH} on a CPU, whose cache then holds them, and the whole batch elsewhere.",
    )
    prefetch_batches: int = Field(default=2, ge=0, description="Batches that a thread of each worker makes ahead.")
    ray_address: str | None = Field(default=None, description="Address of a Ray cluster; default starts a local one.")
    max_failures: int = Field(default=2, ge=0, description="Times a died worker group is started again.")

    @field_validator("device")
    @classmethod
    def _check_device(cls, device: str) -> str:
        if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
            raise ValueError("write cpu or cuda, or cuda:N for one of several GPUs")
        return device

    @field_validator("precision", "tables", "dense")
    @classmethod
    def _check_word(cls, word: str, info: ValidationInfo) -> str:
        assert info.field_name is not None
        check_word(info.field_name, word)
        return word

    @field_validator("backend")
    @classmethod
    def _check_back_end(cls, name: str | None) -> str | None:
        if name is not None:
            check_back_end(name)
        return name

    @model_validator(mode="after")
    def _refuse_a_back_end_that_cannot_reach_the_device(self) -> Self:
        if self.device == "cpu" and self.process_group == "nccl":
            raise ValueError("backend = 'nccl' reaches GPUs only and device = 'cpu'; use gloo, or leave backend out")
        if self.device != "cpu" and self.process_group == "gloo":
            raise ValueError(
                f"backend = 'gloo' cannot gather tensors of device = {self.device!r}; use nccl, or leave backend out"
            )
        return self

    @property
    def process_group(self) -> str:
        """Back end of the workers' process group, by device where there are two."""
        return self.backend or ("gloo" if self.device == "cpu" else "cpu:gloo,cuda:nccl")

    @property
    def micro_batch_limit(self) -> int | None:
        """Requests that a worker computes at a time at most; None has no limit."""
        return self.micro_batch or (CPU_MICRO_BATCH if self.device == "cpu" else None)


class GuardrailSettings(_Section):
    """What must not get worse when another version is to serve."""

    metric: str = Field(default="gauc", description="Metric that is watched.")
    slice: str = Field(default=WHOLE, description=f"Test requests: {', '.join((WHOLE, *SLICES))}.")
    margin: float = Field(
        default=0.01,
        ge=0,
        description="Loss that is put up with; of a metric that is no share (GMV, log loss) a fraction of its value.",
    )
    min_requests: int = Field(
        default=MIN_REQUESTS, ge=MIN_REQUESTS, description="Requests that must carry the metric for it to count."
    )
    required: bool = Field(
        default=True,
        description="Whether it must be measured, and for a new recipe shown to lose less than the margin; false: only "
        "a loss that is certainly larger stops.",
    )

    @field_validator("metric")
    @classmethod
    def _check_metric(cls, metric: str) -> str:
        check_metric(metric)
        return metric

    @field_validator("slice")
    @classmethod
    def _check_slice(cls, name: str) -> str:
        check_slice(name)
        return name


GUARDRAILS: dict[str, dict[str, Any]] = {
    "gmv": {"metric": "gmv_proxy", "margin": 0.05},
    **{name: {"slice": name, "margin": 0.01, "min_requests": 200, "required": False} for name in SLICES},
}
"""The packaged guardrails; an installation changes their fields and adds its own."""


class GateSettings(_Section):
    """When another version serves: see docs/decision.md."""

    metric: str = Field(default="gauc", description="Metric that decides.")
    confidence: float = Field(
        default=0.95,
        gt=0.5,
        lt=1,
        description="Of two-sided intervals; for a new recipe of those of all days together: half of the rest is the "
        "chance that one that is no better is ever promoted.",
    )
    effect: float = Field(
        default=0.005, gt=0, description="Gain in the metric that is worth having; the page tells when it is seen."
    )
    margin: float = Field(
        default=0.005,
        ge=0,
        description="Loss in the metric that stops a refresh if it is certainly larger. No gain smaller than `effect` "
        "would change the recipe, so no smaller loss makes a fresh version stale.",
    )
    retrain_deviation: float = Field(
        default=0.006,
        ge=0,
        description="Standard deviation of the difference of two recipes over seeds, until the days tell: that of GAUC "
        "over the rankers of size xs; of a metric that is no share a fraction of its value.",
    )
    prior_days: float = Field(
        default=3, gt=0, description="Days that `retrain_deviation` counts for against those that were measured."
    )
    num_resamples: int = Field(default=1000, ge=100, description="Bootstrap resamples of the judged requests.")
    frozen: bool = Field(default=False, description="Judge every day, and let the champion serve whatever is found.")
    guardrails: dict[str, GuardrailSettings] = Field(
        default_factory=dict, validate_default=True, description="What must not get worse, by name."
    )

    @field_validator("metric")
    @classmethod
    def _check_metric(cls, metric: str) -> str:
        check_metric(metric)
        return metric

    @field_validator("guardrails", mode="before")
    @classmethod
    def _change_the_packaged(cls, given: object) -> object:
        if not isinstance(given, dict) or not all(isinstance(fields, dict) for fields in given.values()):
            return given
        return {name: {**GUARDRAILS.get(name, {}), **given.get(name, {})} for name in [*GUARDRAILS, *given]}


class FeatureSettings(_Section):
    """Feast."""

    online_store: str = Field(default="sqlite", description="sqlite or redis.")
    redis: str = Field(
        default="127.0.0.1:6379", description="Redis when online_store is redis: host:port, or host:port,db=1,ssl=true."
    )
    redis_password: SecretStr | None = Field(
        default=None, description="Its password; from the environment only (UNISCALE_FEATURES__REDIS_PASSWORD)."
    )
    redis_timeout_ms: int = Field(default=2_000, ge=1, description="Milliseconds after which a silent Redis is gone.")
    shadow_requests: int = Field(
        default=200, ge=0, description="Test requests that each day are served again, to compare with the lake."
    )
    history_length: int = Field(
        default=HISTORY_LENGTH,
        ge=HISTORY_LENGTH,
        le=10_000,
        description="Newest actions of a user that a ranker may read: the online store serves them, and no recipe may "
        "ask for more.",
    )
    max_fresh_versions: int = Field(
        default=2_000,
        ge=1,
        description="Moments of a UTC day from which a user's fresh actions make versions; who acts more often is a "
        "crawler or a shared till, and its later moments make none.",
    )
    deadline_ms: int = Field(
        default=100,
        ge=4,
        description="Milliseconds within which a ranking look-up answers, without the store if need be.",
    )
    leaky: bool = Field(
        default=False,
        description="Count and serve what became known later; only to measure what such a leak would be worth.",
    )

    @property
    def max_fresh_actions(self) -> int:
        """Actions of one day that a user's fresh actions keep: all that a history may hold."""
        return max(MAX_FRESH_ACTIONS, self.history_length)

    @field_validator("online_store")
    @classmethod
    def _check_online_store(cls, store: str) -> str:
        if store not in ONLINE_STORES:
            raise ValueError(f"write {' or '.join(ONLINE_STORES)}")
        return store

    @field_validator("redis")
    @classmethod
    def _check_redis(cls, redis: str) -> str:
        if not re.match(r"[^\s,:]+:\d+(,|$)", redis):
            raise ValueError("write host:port, or host:port,db=1,ssl=true")
        return redis


class TrackingSettings(_Section):
    """MLflow."""

    uri: str | None = Field(default=None, description="MLflow tracking server or database; default SQLite in home.")

    @field_validator("uri")
    @classmethod
    def _check_uri(cls, uri: str | None) -> str | None:
        if uri is not None and not re.match(r"(https?|sqlite|postgresql|mysql|mssql)(\+\w+)?://.", uri):
            raise ValueError("write the address of a server (http://HOST:5000) or of a database (sqlite:///PATH)")
        return uri


class AlertSettings(_Section):
    """Who is told of alerts."""

    webhook: SecretStr | None = Field(
        default=None,
        description="Address that takes Slack's JSON; from the environment only (UNISCALE_ALERTS__WEBHOOK), as whoever "
        "knows it can write there.",
    )
    timeout_seconds: float = Field(default=5, gt=0, description="How long the webhook may take to answer.")
    docs_url: str | None = Field(
        default=None, description="Where the documentation is served; alerts link their runbooks there."
    )

    @field_validator("webhook")
    @classmethod
    def _check_webhook(cls, webhook: SecretStr | None) -> SecretStr | None:
        if webhook is None or not webhook.get_secret_value():  # Compose hands on variables that are not set as empty
            return None
        if not re.match(r"https?://[^/\s]", webhook.get_secret_value()):
            raise ValueError("write the address that the chat gave out, https://...")
        return webhook


class UiSettings(_Section):
    """The dashboard."""

    token: SecretStr | None = Field(
        default=None,
        description="What a browser has to show; from the environment only (UNISCALE_UI__TOKEN). Needed on an address "
        "that others reach.",
    )

    @field_validator("token")
    @classmethod
    def _check_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and len(token.get_secret_value()) < _TOKEN_LENGTH:
            raise ValueError(f"give it at least {_TOKEN_LENGTH} characters: openssl rand -hex 32 makes a good one")
        return token


class Settings(BaseSettings):
    """One installation of UniScale."""

    model_config = SettingsConfigDict(extra="forbid", env_prefix=_PREFIX, env_nested_delimiter="__")

    home: Path = Field(
        default=Path(".uniscale"), description="State of this installation: lake, registry, reports, logs."
    )
    target_domain: str = Field(default="search", description="Domain whose ranking is trained and judged.")
    domains: tuple[str, ...] = Field(default=("search", "feed", "shop"), description="All domains, target included.")
    policy: Path | None = Field(default=None, description="ES3 policy file; default is the packaged one.")
    seed: int = Field(default=17, description="Of every draw: samples, shuffles, weights, resamples.")
    source: SourceSettings = SourceSettings()
    window: WindowSettings = WindowSettings()
    lake: LakeSettings = LakeSettings()
    training: TrainingSettings = TrainingSettings()
    recipes: dict[str, RecipeSettings] = Field(default_factory=dict, description="Recipes of your own, by name.")
    gate: GateSettings = GateSettings()
    features: FeatureSettings = FeatureSettings()
    tracking: TrackingSettings = TrackingSettings()
    ui: UiSettings = UiSettings()
    alerts: AlertSettings = AlertSettings()

    @field_validator("home", mode="before")
    @classmethod
    def _check_home(cls, home: object) -> object:
        if home == "":
            raise ValueError("name a folder, for example .uniscale")
        return home

    @field_validator("domains")
    @classmethod
    def _check_domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        if (
            not domains
            or len(set(domains)) < len(domains)
            or not all(name and name == name.strip() for name in domains)
        ):
            raise ValueError('name at least one domain, each once, for example ["search", "feed", "shop"]')
        return domains

    @model_validator(mode="after")
    def _refuse_an_unknown_target(self) -> Self:
        if self.target_domain not in self.domains:
            raise ValueError(
                f"target_domain = {self.target_domain!r} is none of domains = {list(self.domains)}; add it there, or "
                "name one of them"
            )
        return self

    @model_validator(mode="after")
    def _refuse_recipes_that_are_none(self) -> Self:
        for name, recipe in self.recipes.items():
            if is_packaged_recipe(name) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(
                    f"[recipes.{name}]: call it otherwise: small letters, digits and _, and no MODEL_DATA_SIZE"
                )
            seen, base = [name], recipe.base
            while base in self.recipes:
                if base in seen:
                    raise ValueError(f"[recipes.{name}]: its base leads back to itself: {' -> '.join([*seen, base])}")
                seen.append(base)
                base = self.recipes[base].base
            _check_recipe(f"recipes.{seen[-1]}.base", base, self.recipes)
            wanted, held = recipe.model.get("sequence_length", 0), self.features.history_length
            if isinstance(wanted, int) and wanted > held:
                raise ValueError(
                    f"[recipes.{name}]: sequence_length = {wanted}, but histories are served with the newest {held} "
                    f"actions of a user; set features.history_length = {wanted} too, or {held} here at most"
                )
        for setting in ("champion_recipe", "challenger_recipe"):
            _check_recipe(f"training.{setting}", getattr(self.training, setting), self.recipes)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment before file; no dotenv, no secret files."""
        toml = TomlConfigSettingsSource(settings_cls, toml_file=config_file())
        return init_settings, env_settings, toml

    @property
    def lake_catalog(self) -> str:
        """DuckLake catalogue as ``kind:location``, without the password: it may be shown."""
        return self.lake.catalog or f"sqlite:{self.home / 'lake' / 'catalog.sqlite'}"

    @property
    def lake_data_path(self) -> str:
        """Where the lake's Parquet files are, with a trailing slash."""
        return self.lake.data_path or f"{self.home / 'lake' / 'data'}/"

    def for_workers(self) -> dict[str, Any]:
        """As JSON for ``Settings(**...)`` in a worker, without secrets: it finds them where this process did."""
        secret = {"catalog", "catalog_password"} if self.lake.catalog_password else {"catalog_password"}
        others: dict[str, set[str]] = {"features": {"redis_password"}, "ui": {"token"}, "alerts": {"webhook"}}
        return self.model_dump(mode="json", exclude={"lake": secret, **others})


def _check_recipe(setting: str, name: str, own: Collection[str]) -> None:
    try:
        check_recipe_name(name, own)
    except ValueError as error:
        raise ValueError(f"{setting} = {name!r}: {error}") from None


def config_file() -> Path:
    """The configuration file that is read if it exists."""
    return Path(os.environ.get("UNISCALE_CONFIG", _working_folder() / "uniscale.toml"))


def _working_folder() -> Path:
    here = Path.cwd()
    return PROJECT_ROOT if here.is_relative_to(PROJECT_ROOT) else here


def load_settings() -> Settings:
    """Read and check the settings; paths come back absolute.

    Raises:
        ValueError: The file is no TOML, or there is an unknown key or a value that will not do; the message names it,
            and the file or the variable that holds it.
        FileNotFoundError: ``UNISCALE_CONFIG`` or ``policy`` names a file that does not exist.
    """
    if "UNISCALE_CONFIG" in os.environ and not config_file().is_file() and str(config_file()) != os.devnull:
        raise FileNotFoundError(f"UNISCALE_CONFIG={config_file()} does not exist; correct the path or unset it")
    settings = _read()
    base = config_file().resolve().parent if config_file().is_file() else _working_folder()
    settings.home = (base / settings.home).resolve()
    if "?" in str(settings.home):  # the address of a database below it would end there
        raise ValueError(f"home={settings.home} holds a question mark; name a folder without one")
    for name in ("events_dir", "truth_dir"):
        value = getattr(settings.source, name)
        if value is not None:
            setattr(settings.source, name, (base / value).resolve())
    if settings.policy is not None:
        settings.policy = (base / settings.policy).resolve()
        if not settings.policy.is_file():
            raise FileNotFoundError(
                f"policy = {str(settings.policy)!r} does not exist; correct the path or leave it out"
            )
    return settings


def _read() -> Settings:
    file = config_file()
    try:
        return Settings()
    except ValidationError as error:  # it holds what was written, passwords too
        raise ValueError(settings_fault(error, Settings, file, _PREFIX)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{file} is no TOML file: {error}; text stands between quotes, sections in [brackets]"
        ) from error
    except SettingsError as error:
        raise ValueError(f"{error}; in the environment, lists are JSON: UNISCALE_DOMAINS='[\"search\"]'") from error
