"""Figures in the documentation are those of the records."""

import pytest

from benchmarks.publish import ROOT, pages, published
from uniscale.models.zoo import MODELS


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_tables_of_a_page_are_those_of_the_records(page):
    text = page.read_text(encoding="utf-8")
    assert published(text) == text, f"run python -m benchmarks.publish and read the diff of {page.relative_to(ROOT)}"


@pytest.mark.parametrize("name", MODELS)
def test_the_page_of_a_ranker_has_its_row_of_results(name):
    marks = [line for page in pages() if page.parent.name == "models" for line in page.read_text().splitlines()]
    for stem in ("rankers_xs_es3", "rankers_xs_exposed", "throughput_m"):
        assert any(line.startswith(f"<!-- table: {stem} 0 ") and name in line.split() for line in marks), stem


def test_a_mark_without_its_table_is_refused_with_what_is_missing():
    with pytest.raises(ValueError, match=r"no record is called nothing_x86_64_\*\.md"):
        published("<!-- table: nothing 0 -->\n<!-- end -->")
    with pytest.raises(ValueError, match="has no row of bert"):
        published("<!-- table: throughput_m 0 bert -->\n<!-- end -->")
