"""The public data sets that can be ingested, by name."""

from __future__ import annotations

from uniscale.sources.public import complete_journey, diginetica, expedia, jdsearch, kuairand, kuaisar

ADAPTERS = {
    module.DATA_SET.name: module.DATA_SET
    for module in (expedia, complete_journey, kuaisar, kuairand, diginetica, jdsearch)
}
"""Every `uniscale.sources.public.data_set.DataSet`."""
