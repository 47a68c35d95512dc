"""Diginetica (CIKM Cup 2016, track 2): result lists, clicks, product views and purchases of an online shop.

A query with words is a request in domain ``search``; a category page is one in domain ``shop``, where views of product
pages and purchases happen too. Only the day of a session and the milliseconds since its first query are known.
"""

from __future__ import annotations

from uniscale.contracts.events import ACTIONS_TABLE, CANDIDATES, ITEMS, REQUESTS, USERS
from uniscale.sources.csv_format import CsvFormat
from uniscale.sources.public.data_set import DataSet
from uniscale.sources.source_files import SourceFile

_FORM = CsvFormat(delimiter=";", nulls=("NA", ""))

DATA_SET = DataSet(
    name="diginetica",
    title="Diginetica",
    files={
        "queries": SourceFile(
            names=("train-queries.csv",),
            columns=(
                *("queryId", "sessionId", "userId", "timeframe", "eventdate"),
                *("searchstring.tokens", "categoryId", "items", "is.test"),
            ),
            form=_FORM,
        ),
        "clicks": SourceFile(names=("train-clicks.csv",), columns=("queryId", "timeframe", "itemId"), form=_FORM),
        "item_views": SourceFile(
            names=("train-item-views.csv",),
            columns=("sessionId", "userId", "itemId", "timeframe", "eventdate"),
            form=_FORM,
        ),
        "purchases": SourceFile(
            names=("train-purchases.csv",),
            columns=("sessionId", "userId", "timeframe", "eventdate", "ordernumber", "itemId"),
            form=_FORM,
        ),
        "products": SourceFile(
            names=("products.csv",), columns=("itemId", "pricelog2", "product.name.tokens"), form=_FORM
        ),
        "product_categories": SourceFile(
            names=("product-categories.csv",), columns=("itemId", "categoryId"), form=_FORM
        ),
    },
    views=(
        (USERS, "diginetica_users", "queries"),
        (ITEMS, "diginetica_items", "products"),
        (REQUESTS, "diginetica_requests", "queries"),
        (CANDIDATES, "diginetica_candidates", "queries"),
        (ACTIONS_TABLE, "diginetica_clicks", "clicks"),
        (ACTIONS_TABLE, "diginetica_views", "item_views"),
        (ACTIONS_TABLE, "diginetica_purchases", "purchases"),
    ),
    domains=("search", "shop"),
    targets=("search", "shop"),
)
