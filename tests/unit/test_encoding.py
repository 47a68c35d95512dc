import math
from datetime import datetime, timedelta

import duckdb
import pytest

from uniscale.contracts.frames import HISTORY_LENGTH, ITEM_NUMERIC, QUERY_NUMERIC, USER_NUMERIC, hash_id
from uniscale.features.encode import ATTRIBUTES, QUERY_WORDS, TITLE_WORDS, encode_sql, install_macros

NOW = datetime(2026, 1, 5, 12)
SECONDS = int((NOW - datetime(1970, 1, 1)).total_seconds())

REQUEST = {
    "sample_id": ("VARCHAR", "r1"),
    "user_id": ("VARCHAR", "u1"),
    "query_text": ("VARCHAR", "red shoe"),
    "requested_at": ("TIMESTAMP", NOW),
    "user_attributes": ("VARCHAR[]", None),
    "user_num_requests": ("BIGINT", None),
    "user_num_clicks": ("BIGINT", None),
    "user_num_purchases": ("BIGINT", None),
    "user_mean_log_price": ("DOUBLE", None),
    "query_num_requests": ("BIGINT", None),
    "query_num_clicks": ("BIGINT", None),
    "query_ctr": ("DOUBLE", None),
    "history_items": ("VARCHAR[]", None),
    "history_categories": ("VARCHAR[]", None),
    "history_brands": ("VARCHAR[]", None),
    "history_actions": ("VARCHAR[]", None),
    "history_domains": ("VARCHAR[]", None),
    "history_acted_at": ("BIGINT[]", None),
}
ITEM = {
    "sample_id": ("VARCHAR", "r1"),
    "place": ("BIGINT", 0),
    "item_id": ("VARCHAR", "i1"),
    "title": ("VARCHAR", None),
    "category_id": ("VARCHAR", None),
    "brand_id": ("VARCHAR", None),
    "shop_id": ("VARCHAR", None),
    "price": ("DOUBLE", None),
    "item_attributes": ("VARCHAR[]", None),
    "item_age_days": ("DOUBLE", None),
    "item_num_exposures": ("BIGINT", None),
    "item_num_clicks": ("BIGINT", None),
    "item_num_purchases": ("BIGINT", None),
    "item_num_outside_clicks": ("BIGINT", None),
    "item_ctr": ("DOUBLE", None),
}


@pytest.fixture
def con():
    con = duckdb.connect(config={"threads": 1})
    install_macros(con)
    return con


def table(con, name, columns, rows):
    con.execute(f"create table {name} ({', '.join(f'{c} {t}' for c, (t, _) in columns.items())})")
    for row in rows:
        values = [row.get(c, default) for c, (_, default) in columns.items()]
        con.execute(f"insert into {name} values ({', '.join('?' for _ in values)})", values)


def encoded(con, request=None, items=({},)):
    table(con, "requests", REQUEST, [request or {}])
    table(con, "items", ITEM, [{"place": place, **row} for place, row in enumerate(items)])
    return con.sql(encode_sql("requests", "items")).to_arrow_table().to_pylist()[0]


def numeric(row, names, name, place=None):
    values = row["item_numeric"][place] if place is not None else row
    return values[names.index(name)]


@pytest.mark.parametrize("value", ["u1", "", None, "brand=7", "Größe", "日本語", "a b", "x" * 300])
@pytest.mark.parametrize("field", ["user", "item_attribute"])
def test_the_hash_in_sql_is_the_hash_of_the_contract(con, field, value):
    got = con.execute("select hash_id(?, ?::varchar)", [field, value]).fetchone()[0]

    assert got == hash_id(field, value)
    assert 0 <= got < 2**31


def test_words_are_lower_case_runs_of_letters_digits_and_underscores(con):
    got = con.execute("select words('Red-SHOE, size_40 (Größe 7)!')").fetchone()[0]

    assert got == ["red", "shoe", "size_40", "größe", "7"]


def test_a_query_is_hashed_as_the_feature_tables_spell_it(con):
    row = encoded(con, {"query_text": "  Red\tSHOE "})

    assert row["query_index"] == hash_id("query", "red shoe")
    assert row["query_words"] == [hash_id("word", "red"), hash_id("word", "shoe")]


def test_text_match_is_the_share_of_query_words_in_the_title(con):
    titles = ["Shoe, blue", "red red SHOE", "hat", None, ""]
    row = encoded(con, {"query_text": "red shoe red"}, [{"title": title} for title in titles])
    got = [numeric(row, ITEM_NUMERIC, "text_match", place) for place in range(5)]

    assert got[:3] == [0.5, 1.0, 0.0]
    assert math.isnan(got[3])
    assert got[4] == 0.0


@pytest.mark.parametrize("text", [None, "", "?!"])
def test_text_match_is_missing_without_query_words(con, text):
    row = encoded(con, {"query_text": text}, [{"title": "red shoe"}])

    assert math.isnan(numeric(row, ITEM_NUMERIC, "text_match", 0))
    assert row["query_words"] == []


def test_without_feature_rows_numbers_are_nan_and_identifiers_zero(con):
    row = encoded(con)

    assert len(row["user_numeric"]) == len(USER_NUMERIC)
    assert len(row["query_numeric"]) == len(QUERY_NUMERIC)
    assert len(row["item_numeric"][0]) == len(ITEM_NUMERIC)
    assert all(math.isnan(value) for value in [*row["user_numeric"], *row["query_numeric"], *row["item_numeric"][0]])
    assert row["item_index"] == [hash_id("item", "i1")]
    assert row["category_index"] == row["brand_index"] == row["shop_index"] == [0]
    assert row["title_words"] == row["item_attributes"] == [[]]
    assert row["user_attributes"] == row["history_items"] == row["history_hours"] == []


def test_prices_and_counts_are_logarithms_of_one_more(con):
    features = {"price": 9.0, "item_num_clicks": 0, "item_num_exposures": 3, "item_age_days": 1.0}
    row = encoded(con, {"user_mean_log_price": 2.0}, [features])

    assert numeric(row, ITEM_NUMERIC, "log_price", 0) == pytest.approx(math.log(10))
    assert numeric(row, ITEM_NUMERIC, "log_price_gap", 0) == pytest.approx(math.log(10) - 2, rel=1e-6)
    assert numeric(row, ITEM_NUMERIC, "log_item_clicks", 0) == 0
    assert numeric(row, ITEM_NUMERIC, "log_item_exposures", 0) == pytest.approx(math.log(4))
    assert numeric(row, ITEM_NUMERIC, "log_item_age", 0) == pytest.approx(math.log(2))


def test_the_price_gap_is_missing_without_a_price(con):
    row = encoded(con, {"user_mean_log_price": 2.0})

    assert math.isnan(numeric(row, ITEM_NUMERIC, "log_price_gap", 0))


def history(ages_in_hours):
    number = len(ages_in_hours)
    return {
        "history_items": [f"i{age}" for age in ages_in_hours],
        "history_categories": [""] * number,
        "history_brands": ["b"] * number,
        "history_actions": ["click", "cart", "favorite", "purchase"][:number] + ["click"] * (number - 4),
        "history_domains": ["feed"] * number,
        "history_acted_at": [SECONDS - int(age * 3600) for age in ages_in_hours],
    }


def test_history_after_the_request_is_left_out_and_hours_are_counted_to_the_request(con):
    row = encoded(con, history([48, 1.5, 0, -1]))

    assert row["history_items"] == [hash_id("item", name) for name in ("i48", "i1.5", "i0")]
    assert row["history_hours"] == [48.0, 1.5, 0.0]
    assert row["history_actions"] == [1, 2, 3]
    assert row["history_categories"] == [0, 0, 0]
    assert row["history_domains"] == ["feed"] * 3


def test_history_keeps_the_most_recent_actions(con):
    ages = list(range(HISTORY_LENGTH + 5, 0, -1))
    row = encoded(con, history(ages))

    assert row["history_hours"] == [float(age) for age in ages[-HISTORY_LENGTH:]]


def test_hours_never_become_negative_within_the_second_of_the_request(con):
    row = encoded(con, {**history([0]), "requested_at": NOW + timedelta(milliseconds=300)})

    assert row["history_hours"] == [pytest.approx(0.3 / 3600, rel=1e-3)]


def test_words_and_facts_are_cut_to_what_models_take(con):
    many = [f"w{n}" for n in range(30)]
    request = {"query_text": " ".join(many), "user_attributes": many}
    row = encoded(con, request, [{"title": " ".join(many), "item_attributes": many}])

    assert row["query_words"] == [hash_id("word", word) for word in many[:QUERY_WORDS]]
    assert row["title_words"] == [[hash_id("word", word) for word in many[:TITLE_WORDS]]]
    assert row["user_attributes"] == [hash_id("user_attribute", fact) for fact in many[:ATTRIBUTES]]
    assert row["item_attributes"] == [[hash_id("item_attribute", fact) for fact in many[:ATTRIBUTES]]]


def test_items_come_in_the_order_of_their_place(con):
    row = encoded(con, None, [{"place": 2, "item_id": "c"}, {"place": 0, "item_id": "a"}, {"place": 1, "item_id": "b"}])

    assert row["item_index"] == [hash_id("item", name) for name in "abc"]


def test_a_request_without_items_has_empty_lists(con):
    row = encoded(con, None, [])

    assert row["item_index"] == row["item_numeric"] == []
