import math
from datetime import timedelta

import duckdb
import pyarrow as pa
import pytest
from support_encoding import NOW, SECONDS, encoded, encoded_all

from uniscale.contracts.frames import ITEM_NUMERIC, QUERY_NUMERIC, USER_NUMERIC, hash_id
from uniscale.contracts.inputs import HISTORY_LENGTH, ITEM_IDS, NUM_FACTS, REQUEST_IDS
from uniscale.features.encoding.hashing import hash_strings
from uniscale.features.encoding.text import normalised_query, words
from uniscale.lake.macros import install_macros

WIDTHS = {one.name: one.width for one in (*REQUEST_IDS, *ITEM_IDS)}
HOUR = 3600


def numeric(row, names, name, place=None):
    values = row["item_numeric"][place] if place is not None else row
    return values[names.index(name)]


@pytest.mark.parametrize("value", ["u1", "", None, "brand=7", "Größe", "日本語", "a b", "x" * 300])
@pytest.mark.parametrize("field", ["user", "item_attribute"])
def test_the_hash_of_a_column_and_of_sql_is_the_hash_of_the_contract(field, value):
    in_sql = "select 1 + md5_number_lower($field || '=' || $value::varchar) % 2147483647"
    asked = duckdb.execute(in_sql, {"field": field, "value": value}).fetchone()[0]
    column = hash_strings(field, pa.array(["other", value, None, value], pa.string()))

    assert column.tolist() == [hash_id(field, "other"), hash_id(field, value), 0, hash_id(field, value)]
    assert hash_id(field, value) == (asked if value else 0)


def test_words_are_lower_case_runs_of_letters_digits_and_underscores():
    assert words("Red-SHOE, size_40 (Größe 7)!") == ("red", "shoe", "size_40", "größe", "7")


def test_a_query_is_spelt_in_python_as_in_sql_whatever_its_letters():
    texts = [f" A{chr(code)}b " for code in (*range(1, 0xD800), 0x10D50, 0x2EBF0, 0xE000)]
    con = duckdb.connect()
    install_macros(con)
    asked = pa.table({"place": range(len(texts)), "text": texts})
    assert asked.num_rows > 50_000
    rows = con.sql("select normalised_query(text), words(text) from asked order by place").fetchall()
    changed = [place for place in range(len(texts)) if rows[place][0] != f"a{texts[place][2]}b"]
    sample = [*changed[:: max(len(changed) // 300, 1)], *range(0, len(texts), 499)]

    assert [(normalised_query(texts[place]), list(words(texts[place]))) for place in sample] == [
        rows[place] for place in sample
    ]


def test_a_query_is_hashed_as_the_feature_tables_spell_it():
    row = encoded({"query_text": "  Red\tSHOE "})

    assert row["query_index"] == hash_id("query", "red shoe")
    assert row["query_words"] == [hash_id("word", "red"), hash_id("word", "shoe")]


def test_text_match_is_the_share_of_query_words_in_the_title():
    titles = ["Shoe, blue", "red red SHOE", "hat", None, ""]
    row = encoded({"query_text": "red shoe red"}, [{"title": title} for title in titles])
    got = [numeric(row, ITEM_NUMERIC, "text_match", place) for place in range(5)]

    assert got[:3] == [0.5, 1.0, 0.0]
    assert math.isnan(got[3])
    assert got[4] == 0.0


@pytest.mark.parametrize("text", [None, "", "?!"])
def test_text_match_is_missing_without_query_words(text):
    row = encoded({"query_text": text}, [{"title": "red shoe"}])

    assert math.isnan(numeric(row, ITEM_NUMERIC, "text_match", 0))
    assert row["query_words"] == []


def test_without_feature_rows_numbers_are_nan_and_identifiers_zero():
    row = encoded()

    assert len(row["user_numeric"]) == len(USER_NUMERIC)
    assert len(row["query_numeric"]) == len(QUERY_NUMERIC)
    assert len(row["item_numeric"][0]) == len(ITEM_NUMERIC)
    assert all(math.isnan(value) for value in [*row["user_numeric"], *row["query_numeric"], *row["item_numeric"][0]])
    assert row["item_index"] == [hash_id("item", "i0")]
    assert row["category_index"] == row["brand_index"] == row["shop_index"] == [0]
    assert row["title_words"] == row["item_attributes"] == [[]]
    assert row["user_attributes"] == row["history_items"] == row["history_hours"] == []


def test_prices_and_counts_are_logarithms_of_one_more():
    row = encoded({"user_mean_log_price": 2.0}, [{"price": 9.0, "item_num_clicks": 0, "item_num_exposures": 3}])

    assert numeric(row, ITEM_NUMERIC, "log_price", 0) == pytest.approx(math.log(10))
    assert numeric(row, ITEM_NUMERIC, "log_price_gap", 0) == pytest.approx(math.log(10) - 2, rel=1e-6)
    assert numeric(row, ITEM_NUMERIC, "log_item_num_clicks", 0) == 0
    assert numeric(row, ITEM_NUMERIC, "log_item_num_exposures", 0) == pytest.approx(math.log(4))


def test_moments_become_logarithms_of_hours_to_the_request_and_none_for_one_after_it():
    items = [{"item_listed_at": SECONDS - 9 * HOUR}, {"item_listed_at": SECONDS + HOUR}, {}]
    row = encoded(None, items)
    got = [numeric(row, ITEM_NUMERIC, "log_hours_since_item_listed", place) for place in range(3)]

    assert got[:2] == [pytest.approx(math.log(10)), 0]
    assert math.isnan(got[2])


def test_a_change_of_price_is_the_difference_of_logarithms_and_none_without_an_earlier_price():
    row = encoded(None, [{"price": 9.0, "item_previous_price": 99.0}, {"price": 9.0}, {"item_previous_price": 9.0}])
    got = [numeric(row, ITEM_NUMERIC, "log_price_change", place) for place in range(3)]

    assert got[:2] == [pytest.approx(math.log(10) - math.log(100)), 0]
    assert math.isnan(got[2])


def test_the_share_of_a_category_is_that_of_the_query_of_the_same_request():
    asked = {"query_categories": ["c1", "c2"], "query_category_shares": [0.7, 0.2]}
    other = {"query_categories": ["c2"], "query_category_shares": [1.0]}
    items = [{"category_id": name} for name in ("c2", "c1", "c9", None)]
    first, second, third = encoded_all([asked, other, {}], [items, items, items])

    def shares(row):
        return [numeric(row, ITEM_NUMERIC, "query_category_share", place) for place in range(4)]

    assert shares(first)[:3] == [pytest.approx(0.2), pytest.approx(0.7), 0]
    assert shares(second)[:3] == [1, 0, 0]
    assert all(math.isnan(value) for value in [shares(first)[3], *shares(third)])


def test_rates_are_those_of_the_domain_of_the_request():
    item = {"item_domains": ["feed", "search"], "item_domain_ctrs": [0.1, 0.2], "item_domain_cvrs": [0.3, 0.4]}
    feed, shop = encoded_all([{"domain": "feed"}, {"domain": "shop"}], [[item, {}], [item]])

    assert numeric(feed, ITEM_NUMERIC, "domain_ctr", 0) == pytest.approx(0.1)
    assert numeric(feed, ITEM_NUMERIC, "domain_cvr", 0) == pytest.approx(0.3)
    assert math.isnan(numeric(feed, ITEM_NUMERIC, "domain_ctr", 1))
    assert math.isnan(numeric(shop, ITEM_NUMERIC, "domain_ctr", 0))


def test_what_a_user_did_with_a_category_goes_to_the_item_it_stands_next_to():
    did = {"user_category_num_clicks": 9, "user_category_share": 0.5}
    row = encoded(None, [{"category_id": "c1", **did}, {}, {"category_id": "c2"}])

    assert numeric(row, ITEM_NUMERIC, "log_user_category_num_clicks", 0) == pytest.approx(math.log(10))
    assert numeric(row, ITEM_NUMERIC, "user_category_share", 0) == 0.5
    assert math.isnan(numeric(row, ITEM_NUMERIC, "user_category_share", 1))  # no category
    assert numeric(row, ITEM_NUMERIC, "user_category_share", 2) == 0  # nothing was done with it
    assert math.isnan(numeric(row, ITEM_NUMERIC, "log_hours_since_user_category_last_acted", 2))


def test_the_price_gap_is_missing_without_a_price():
    row = encoded({"user_mean_log_price": 2.0})

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


def test_history_after_the_request_is_left_out_and_hours_are_counted_to_the_request():
    row = encoded(history([48, 1.5, 0, -1]))

    assert row["history_items"] == [hash_id("item", name) for name in ("i48", "i1.5", "i0")]
    assert row["history_hours"] == [48.0, 1.5, 0.0]
    assert row["history_actions"] == [1, 2, 3]
    assert row["history_categories"] == [0, 0, 0]
    assert row["history_domains"] == ["feed"] * 3


def test_history_keeps_the_most_recent_actions():
    ages = list(range(HISTORY_LENGTH + 5, 0, -1))
    row = encoded(history(ages))

    assert row["history_hours"] == [float(age) for age in ages[-HISTORY_LENGTH:]]


def test_hours_never_become_negative_within_the_second_of_the_request():
    row = encoded({**history([0]), "requested_at": NOW + timedelta(milliseconds=300)})

    assert row["history_hours"] == [pytest.approx(0.3 / 3600, rel=1e-3)]


FRESH = ("items", "categories", "brands", "actions", "domains")
MIDNIGHT = (SECONDS - 12 * HOUR) * 1_000_000


def fresh(*actions):
    """Fresh actions, each an item, hours before the request at which it happened, and at which it became known."""
    number = len(actions)
    return {
        "fresh_items": [name for name, _, _ in actions],
        "fresh_categories": ["c"] * number,
        "fresh_brands": [""] * number,
        "fresh_actions": ["cart"] * number,
        "fresh_domains": ["shop"] * number,
        "fresh_acted_at": [SECONDS - int(age * HOUR) for _, age, _ in actions],
        "fresh_known_at": [(SECONDS - int(age * HOUR)) * 1_000_000 for _, _, age in actions],
        "history_known_until": MIDNIGHT,
    }


def items_of(row, names):
    hashes = {hash_id("item", name): name for name in names}
    return [hashes[value] for value in row["history_items"]]


def test_a_fresh_action_is_the_last_of_the_history_of_the_next_request():
    row = encoded({**history([48, 20]), **fresh(("new", 1, 0.5))})

    assert items_of(row, ["i48", "i20", "new"]) == ["i48", "i20", "new"]
    assert row["history_actions"] == [1, 2, 2]
    assert row["history_domains"] == ["feed", "feed", "shop"]
    assert row["history_hours"] == [48.0, 20.0, 1.0]


def test_actions_stand_in_the_order_in_which_they_happened_not_in_that_of_knowledge():
    row = encoded({**history([48, 20]), **fresh(("new", 3, 2), ("late", 30, 1))})

    assert items_of(row, ["i48", "i20", "late", "new"]) == ["i48", "late", "i20", "new"]


def test_a_fresh_action_counts_once_and_only_if_it_was_known_before_the_request():
    in_daily, at_midnight, at_request, after = ("a", 13, 12.001), ("b", 13, 12), ("c", 0.1, 0), ("d", 0.1, -1)
    row = encoded({**history([48]), **fresh(in_daily, at_midnight, at_request, after)})

    assert items_of(row, ["i48", "a", "b", "c", "d"]) == ["i48", "b"]


def test_a_user_without_a_daily_sequence_has_the_fresh_actions_alone():
    row = encoded({**fresh(("new", 1, 0.5)), "history_known_until": None})

    assert items_of(row, ["new"]) == ["new"]


def test_fresh_and_daily_actions_together_keep_the_most_recent_ones():
    ages = list(range(HISTORY_LENGTH + 20, 20, -1))
    row, other = encoded_all([{**history(ages), **fresh(("x", 2, 1), ("y", 1, 1))}, history([3])], [[{}], []])

    assert row["history_hours"] == [*(float(age) for age in ages[2:]), 2.0, 1.0]
    assert other["history_hours"] == [3.0]


def test_words_and_facts_are_cut_to_what_models_take():
    many = [f"w{n}" for n in range(30)]
    request = {"query_text": " ".join(many), "user_attributes": many}
    row = encoded(request, [{"title": " ".join(many), "item_attributes": many}])

    assert row["query_words"] == [hash_id("word", word) for word in many[: WIDTHS["query_words"]]]
    assert row["title_words"] == [[hash_id("word", word) for word in many[: WIDTHS["title_words"]]]]
    assert row["user_attributes"] == [hash_id("user_attribute", fact) for fact in many[:NUM_FACTS]]
    assert row["item_attributes"] == [[hash_id("item_attribute", fact) for fact in many[:NUM_FACTS]]]


def test_the_categories_a_user_acts_on_most_are_facts_in_addition_to_those_of_the_profile():
    many = [f"w{n}" for n in range(30)]
    row = encoded({"user_attributes": many, "user_categories": ["c1", "c2"]})

    profile = [hash_id("user_attribute", fact) for fact in many[:NUM_FACTS]]
    assert row["user_attributes"] == [*profile, hash_id("user_likes", "c1"), hash_id("user_likes", "c2")]


def test_requests_encoded_together_and_alone_are_the_same():
    requests = [{"query_text": "red"}, {**history([5]), "user_num_clicks_7d": 3}, {"user_id": "u2", "query_text": None}]
    lists = [[{"title": "red hat"}, {"title": "hat"}], [], [{"item_id": "i7", "price": 3.0}]]
    alone = [encoded(request, items) for request, items in zip(requests, lists, strict=True)]

    assert str(encoded_all(requests, lists)) == str(alone)


def test_a_request_without_items_has_empty_lists():
    row = encoded(None, [])

    assert row["item_index"] == row["item_numeric"] == []
