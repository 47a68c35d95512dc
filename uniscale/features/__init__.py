"""Feast over the lake: retrieval (offline), model input (encoding), what is served (online), training frames."""

from uniscale.features.quick_feast import install

install()
