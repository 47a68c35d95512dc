"""JDsearch (SIGIR 2023): one search of each user with its whole result list, and what the user did in the year before.

There are no user ids and no times: a line is a user, and gaps lead back from the search, which was made on 17 October
2022. Past searches have a query and what was touched, but no list: they are requests without candidates.
"""

from __future__ import annotations

from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, ITEMS, REQUESTS, USERS
from uniscale.sources.csv_format import CsvFormat
from uniscale.sources.public.data_set import DataSet
from uniscale.sources.source_files import SourceFile

_FORM = CsvFormat(delimiter="\t", quote="", longest_line=16 << 20)

DATA_SET = DataSet(
    name="jdsearch",
    title="JDsearch",
    files={
        "behavior": SourceFile(
            names=("user_behavior_data.txt|release_data.txt",),
            columns=(
                *("query", "candidate_wid_list", "candidate_label_list"),
                *("history_qry_list", "history_wid_list", "history_type_list", "history_time_list"),
            ),
            form=_FORM,
        ),
        "products": SourceFile(
            names=("product_meta_data.txt|product_data.txt",),
            columns=("wid", "name", "brand_id", "cate_id_1", "cate_id_2", "cate_id_3", "cate_id_4", "shop_id"),
            form=_FORM,
        ),
    },
    views=(
        (REQUESTS, "jdsearch_searches", "behavior"),
        (REQUESTS, "jdsearch_past_searches", "behavior"),
        (USERS, "jdsearch_users", "behavior"),
        (ITEMS, "jdsearch_items", "products"),
        (CANDIDATES, "jdsearch_candidates", "behavior"),
        (ACTIONS_TABLE, "jdsearch_outcomes", "behavior"),
        (ACTIONS_TABLE, "jdsearch_past_actions", "behavior"),
    ),
    domains=("search", "shop"),
    targets=("search",),
    misfits="jdsearch_misfits",
)
