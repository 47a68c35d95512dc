"""The simulated logs, and an installation that has run a day; each file of tests has its own."""

import pytest

from tests.e2e.shop import DAYS, DS, Shop, new_shop


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    shop = new_shop(folder / "simulator", folder)
    words = ("--days", str(DAYS), "--size", "xs", "--seed", "7", "--start", "2026-01-05")
    shop.run("simulate", *words, "--set", "searches_per_day=500", "--out", str(folder / "shop"))
    return folder / "shop"


@pytest.fixture(scope="module")
def day(tmp_path_factory, logs) -> Shop:
    """An installation that has run one day without trouble."""
    shop = new_shop(tmp_path_factory.mktemp("day") / "shop", logs)
    shop.run("day", DS)
    return shop
