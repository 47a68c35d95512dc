"""Pages that follow from the code are what the code says now."""

import pytest

from docs.generate import pages
from uniscale.config.settings import Settings

PAGES = pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_generated_page_is_up_to_date(path):
    assert path.read_text(encoding="utf-8") == PAGES[path], "run: make reference"


def test_every_setting_stands_on_the_page_with_its_meaning():
    (page,) = (text for path, text in PAGES.items() if path.name == "settings.md")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 40
    assert [row for row in rows if row.endswith("|  |")] == [], "a setting has no description"
    assert all(f"UNISCALE_{name.upper()}" in page or f"[{name}" in page for name in Settings.model_fields)
