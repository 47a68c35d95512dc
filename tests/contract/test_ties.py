"""No table of the catalogue is overlooked when a user is looked for or forgotten."""

import pytest

from uniscale.contracts.all_tables import TABLES
from uniscale.contracts.schema import Column, Table
from uniscale.lineage.ties import IMPERSONAL, erased, owned

NAMES_A_PERSON = {"user_id", "request_id", "sample_id", "query_text", "row_json"}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.qualified)
def test_a_table_is_searched_or_declared_to_hold_nobody(table):
    assert (erased(table) is None) == (table in IMPERSONAL)
    assert not (table in IMPERSONAL and NAMES_A_PERSON & set(table.column_names))
    assert owned(table) is not None or table in IMPERSONAL or "query_text" in table.column_names


@pytest.mark.parametrize("column", sorted(NAMES_A_PERSON))
def test_a_table_that_comes_later_is_covered_by_its_columns(column):
    later = Table(
        schema="es3",
        name="later",
        grain="One row per something.",
        key=(column,),
        columns=(
            Column(name="ds", type="DATE", description="Day."),
            Column(name=column, type="VARCHAR", description="Somebody."),
        ),
    )
    assert erased(later) is not None
