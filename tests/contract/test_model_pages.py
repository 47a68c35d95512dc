"""Every ranker has a page, and the sizes on it are those of the code."""

import re
from pathlib import Path

import pytest

from uniscale.models.zoo import MODELS, SIZES

ROOT = Path(__file__).resolve().parents[2]
PAGES = {name: name.removesuffix("_moe").removesuffix("_lite") for name in MODELS}


def sizes_on_the_page(name):
    """Dense parameters by size, as the page of a ranker writes them."""
    found, columns = {}, []
    for line in (ROOT / "docs" / "models" / f"{PAGES[name]}.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| size |"):
            columns = cells
        named = [title for title in columns if title in ("dense parameters", f"{name}, dense parameters")]
        if named and cells[0] in SIZES:
            found[cells[0]] = cells[columns.index(named[0])]
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_page_tells_the_dense_parameters_of_every_size(name):
    lines = (ROOT / "tests" / "golden" / "sizes" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    shown = sizes_on_the_page(name)
    assert list(shown) == list(SIZES)
    for size, count in (line.split() for line in lines):
        number = re.fullmatch(r"([\d.,]+) M", shown[size]).group(1).replace(",", "")
        decimals = len(number.partition(".")[2])
        assert float(number) == pytest.approx(int(count) / 1e6, abs=0.51 * 10**-decimals)


@pytest.mark.parametrize("page", sorted(set(PAGES.values())))
def test_a_page_is_in_the_navigation_and_says_what_is_its_own(page):
    text = (ROOT / "docs" / "models" / f"{page}.md").read_text(encoding="utf-8")
    assert f"models/{page}.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert f"uniscale/models/{page if page != 'hhfi' else 'hhsft'}.py" in text
    assert "arXiv" in text or "hhsft.md" in text
    assert "](../rankers.md)" in text
