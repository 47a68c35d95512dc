"""``python -m uniscale``."""

from uniscale.cli.main import app

app()
