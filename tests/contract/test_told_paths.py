"""Files and modules that the documentation names are there."""

import re
from pathlib import Path

import pytest

from uniscale.checkout import PROJECT_ROOT

PAGES = sorted(
    path for path in [*PROJECT_ROOT.glob("*.md"), *(PROJECT_ROOT / "docs").rglob("*.md")] if path.name != "CHANGELOG.md"
)
OURS = "uniscale|benchmarks|dags|dbt_project|feature_repo|ray_jobs|monitoring|tests|docs"
PACKAGES = "uniscale|benchmarks|ray_jobs|monitoring"
MADE = {"dbt_project/target"}
"""What commands make and Git ignores."""


def is_there(module: str) -> bool:
    """Whether a dotted name begins with a module of this project and names at most a class and a method in it."""
    parts = module.split(".")
    places = [PROJECT_ROOT.joinpath(*parts[:length]) for length in range(len(parts), 0, -1)]
    inside = next(beyond for beyond, place in enumerate(places) if place.is_dir() or place.with_suffix(".py").is_file())
    found = places[inside]
    text = (found / "__init__.py" if found.is_dir() else found.with_suffix(".py")).read_text(encoding="utf-8")
    return inside <= 2 and all(re.search(rf"\b{name}\b", text) for name in parts[len(parts) - inside :])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_ROOT)))
def test_what_a_page_names_is_there(page: Path):
    text = page.read_text(encoding="utf-8")
    paths = {path.rstrip("/") for path in re.findall(rf"`((?:{OURS})/[\w./-]+)`", text)}
    paths = {path for path in paths if not re.search(r"[A-Z]{4}", path)}
    assert [path for path in sorted(paths - MADE) if not (PROJECT_ROOT / path).exists()] == []
    modules = set(re.findall(rf"(?:`|-m )((?:{PACKAGES})(?:\.\w+)+)", text)) - {"uniscale.toml"}
    assert [module for module in sorted(modules) if not is_there(module)] == []
