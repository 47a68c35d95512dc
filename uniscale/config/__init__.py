"""Settings of one installation: `uniscale.toml`, overridden by the environment."""

from uniscale.config.settings import Settings, load_settings

__all__ = ["Settings", "load_settings"]
