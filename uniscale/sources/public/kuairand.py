"""KuaiRand (CIKM 2022; Pure, 1K and 27K): recommendations of a short-video app, some of them of random videos.

The log has no request id: what one user was shown at one time in one tab of the app is a request. Each tab is a domain
of its own, ``tab_0`` to ``tab_14``, because each has its own ranker. There is no order within a list.
"""

from __future__ import annotations

from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, ITEMS, REQUESTS, USERS
from uniscale.sources.public.data_set import DataSet
from uniscale.sources.source_files import SourceFile

_TABS = tuple(f"tab_{tab}" for tab in range(15))
_RANGES = ("follow_user_num_range", "fans_user_num_range", "friend_user_num_range", "register_days_range")

DATA_SET = DataSet(
    name="kuairand",
    title="KuaiRand",
    files={
        "log": SourceFile(
            names=("log_standard_*.csv", "log_random_*.csv"),
            columns=("user_id", "video_id", "time_ms", "is_click", "is_like", "play_time_ms", "is_rand", "tab"),
        ),
        "user_features": SourceFile(
            names=("user_features_*.csv",),
            columns=("user_id", "is_live_streamer", "is_video_author", *_RANGES),
        ),
        "video_features": SourceFile(
            names=("video_features_basic_*.csv",),
            columns=("video_id", "author_id", "video_type", "upload_dt", "upload_type", "music_type", "tag"),
        ),
    },
    views=(
        (USERS, "kuairand_users", "user_features"),
        (ITEMS, "kuairand_items", "video_features"),
        (REQUESTS, "kuairand_requests", "log"),
        (CANDIDATES, "kuairand_candidates", "log"),
        (ACTIONS_TABLE, "kuairand_clicks", "log"),
        (ACTIONS_TABLE, "kuairand_likes", "log"),
    ),
    domains=_TABS,
    targets=("tab_1", "tab_0"),
)
