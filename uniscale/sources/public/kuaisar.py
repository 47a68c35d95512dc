"""KuaiSAR (CIKM 2023): searches and recommendations of the same users of a short-video app.

A search session is a request in domain ``search``. What the app sent a user at one time is a request in domain
``feed``: the time in the file is that at which the items were sent. There is no order within a list.
"""

from __future__ import annotations

from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, ITEMS, REQUESTS, USERS
from uniscale.sources.public.data_set import DataSet
from uniscale.sources.source_files import SourceFile

DATA_SET = DataSet(
    name="kuaisar",
    title="KuaiSAR",
    files={
        "src_inter": SourceFile(
            names=("src_inter.csv",),
            columns=(
                *("user_id", "search_session_id", "search_session_timestamp", "keyword", "search_source"),
                *("item_id", "click_cnt"),
            ),
        ),
        "rec_inter": SourceFile(
            names=("rec_inter.csv",),
            columns=("user_id", "item_id", "playing_time", "timestamp", "click", "like"),
        ),
        "user_features": SourceFile(names=("user_features.csv",), columns=("user_id", "onehot_feat1", "onehot_feat2")),
        "item_features": SourceFile(
            names=("item_features.csv",),
            columns=(
                *("item_id", "caption", "author_id", "item_type", "upload_time", "upload_type"),
                *("first_level_category_id", "second_level_category_id"),
                *("third_level_category_id", "fourth_level_category_id"),
            ),
        ),
    },
    views=(
        (USERS, "kuaisar_users", "user_features"),
        (ITEMS, "kuaisar_items", "item_features"),
        (REQUESTS, "kuaisar_searches", "src_inter"),
        (REQUESTS, "kuaisar_feed_requests", "rec_inter"),
        (CANDIDATES, "kuaisar_results", "src_inter"),
        (CANDIDATES, "kuaisar_feed_items", "rec_inter"),
        (ACTIONS_TABLE, "kuaisar_search_clicks", "src_inter"),
        (ACTIONS_TABLE, "kuaisar_feed_clicks", "rec_inter"),
        (ACTIONS_TABLE, "kuaisar_feed_likes", "rec_inter"),
    ),
    domains=("search", "feed"),
    targets=("search", "feed"),
)
