"""All settings with their defaults, in one place.

A value comes from the environment (``UNISCALE_WINDOW__TRAIN_DAYS=3``), else from ``uniscale.toml`` in the working
folder (or the file ``UNISCALE_CONFIG`` names), else from the default here. Unknown keys are refused.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

PROJECT_ROOT = Path(__file__).resolve().parents[2]
"""The checkout: holds dags, dbt_project, feature_repo, ray_jobs and monitoring beside the package."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SourceSettings(_Section):
    """Where logs come from."""

    events_dir: Path | None = Field(
        default=None, description="Folder of contract logs; each day's run lands its new files."
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

    catalog: str | None = Field(
        default=None, description="DuckLake catalogue: 'sqlite:PATH' or 'postgres:DSN'; default in home."
    )
    data_path: str | None = Field(
        default=None, description="Folder or object store of the Parquet files; default in home."
    )
    lock_timeout_seconds: float = Field(default=60.0, gt=0, description="How long a locked catalogue is retried.")
    memory_limit: str = Field(default="4GB", description="DuckDB's memory limit per process; more spills to disk.")
    threads: int | None = Field(default=None, ge=1, description="DuckDB threads; default all cores.")


class TrainingSettings(_Section):
    """How rankers are trained."""

    champion_recipe: str = Field(
        default="dlrm_exposed_xs", description="Recipe of the first champion, used when none is registered."
    )
    challenger_recipe: str = Field(default="hhsft_es3_xs", description="Recipe trained every day.")
    num_workers: int = Field(default=2, ge=1, description="Ray Train workers.")
    threads: int = Field(default=1, ge=1, description="Torch threads of each worker.")
    device: str = Field(default="cpu", description="cpu or cuda.")
    backend: str = Field(default="gloo", description="Collective back end: gloo or nccl.")
    precision: str = Field(default="fp32", description="fp32, bf16_products or bf16: see docs/training.md.")
    compiled: bool = Field(default=False, description="Compile rankers with torch.compile.")
    tables: str = Field(
        default="torch",
        description="Embedding tables: torch, sharded (by row over workers) or fbgemm (one worker; extra 'fused').",
    )
    dense: str = Field(
        default="replicated", description="Other parameters: replicated, or sharded over workers (FSDP2)."
    )
    part_requests: int = Field(
        default=32,
        ge=1,
        description="Requests that a worker computes at a time; gradients of a batch's parts add up. Fewer need less "
        "memory, and on a CPU are faster.",
    )
    batches_ahead: int = Field(default=2, ge=0, description="Batches that a thread of each worker makes ahead.")
    ray_address: str | None = Field(default=None, description="Address of a Ray cluster; default starts a local one.")
    max_failures: int = Field(default=2, ge=0, description="Times a died worker group is started again.")


class GateSettings(_Section):
    """When a challenger is promoted."""

    metric: str = Field(default="gauc", description="Metric that decides.")
    guardrail: str = Field(default="gmv_proxy", description="Metric that must not be significantly worse.")
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    num_resamples: int = Field(default=1000, ge=100)


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


class TrackingSettings(_Section):
    """MLflow."""

    uri: str | None = Field(default=None, description="MLflow tracking server or database; default SQLite in home.")


class Settings(BaseSettings):
    """One installation of UniScale."""

    model_config = SettingsConfigDict(extra="forbid", env_prefix="UNISCALE_", env_nested_delimiter="__")

    home: Path = Field(
        default=Path(".uniscale"), description="State of this installation: lake, registry, reports, logs."
    )
    target_domain: str = Field(default="search", description="Domain whose ranking is trained and judged.")
    domains: tuple[str, ...] = Field(default=("search", "feed", "shop"), description="All domains, target included.")
    policy: Path | None = Field(default=None, description="ES3 policy file; default is the packaged one.")
    seed: int = 17
    source: SourceSettings = SourceSettings()
    window: WindowSettings = WindowSettings()
    lake: LakeSettings = LakeSettings()
    training: TrainingSettings = TrainingSettings()
    gate: GateSettings = GateSettings()
    features: FeatureSettings = FeatureSettings()
    tracking: TrackingSettings = TrackingSettings()

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
        """DuckLake catalogue as ``kind:location``."""
        return self.lake.catalog or f"sqlite:{self.home / 'lake' / 'catalog.sqlite'}"

    @property
    def lake_data_path(self) -> str:
        """Where the lake's Parquet files are, with a trailing slash."""
        return self.lake.data_path or f"{self.home / 'lake' / 'data'}/"


def config_file() -> Path:
    """The configuration file that is read if it exists."""
    return Path(os.environ.get("UNISCALE_CONFIG", "uniscale.toml"))


def load_settings() -> Settings:
    """Read and check the settings; paths come back absolute.

    Raises:
        ValueError: An unknown key or a value out of range; the message names it.
        FileNotFoundError: ``UNISCALE_CONFIG`` names a file that does not exist.
    """
    if "UNISCALE_CONFIG" in os.environ and not config_file().is_file():
        raise FileNotFoundError(f"UNISCALE_CONFIG={config_file()} does not exist; correct the path or unset it")
    settings = Settings()
    base = config_file().resolve().parent if config_file().is_file() else Path.cwd()
    settings.home = (base / settings.home).resolve()
    for name in ("events_dir", "truth_dir"):
        value = getattr(settings.source, name)
        if value is not None:
            setattr(settings.source, name, (base / value).resolve())
    if settings.policy is not None:
        settings.policy = (base / settings.policy).resolve()
    return settings
