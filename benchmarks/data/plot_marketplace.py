"""Draw what a simulated marketplace assumes.

``python -m benchmarks.data.plot_marketplace DIR docs/img/marketplace.png``.

DIR is what ``uniscale simulate --out DIR`` wrote. Everything is read from the files, nothing from the simulator.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb
import matplotlib as mpl
import numpy as np

from benchmarks.data.world_facts import connect
from uniscale.simulator.blueprint import world_name

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

DOMAINS = {"search": "#1f5fa8", "feed": "#d1661c", "shop": "#3a8a4d"}
GREY = "#666666"


def rows(con: duckdb.DuckDBPyConnection, sql: str) -> np.ndarray:
    return np.array(con.execute(sql).fetchall())


SHOWN = """
    select r.domain, c.request_id, c.item_id, c.position, t.examination_probability, t.click_probability,
        a.item_id is not null as is_clicked
    from events.candidates c
    join events.requests r using (request_id)
    join truth.candidates t using (request_id, item_id)
    left join (select distinct request_id, item_id from events.actions where action = 'click') a
        using (request_id, item_id)
    where c.is_exposed
"""


def examination(axes: Axes, con: duckdb.DuckDBPyConnection) -> None:
    sql = f"select domain, position, avg(examination_probability) from ({SHOWN}) group by all order by all"
    table = con.execute(sql).fetchall()
    for domain, colour in DOMAINS.items():
        mine = np.array([row[1:] for row in table if row[0] == domain])
        axes.plot(mine[:, 0], mine[:, 1], "o-", color=colour, markersize=4, label=domain)
    axes.set(title="Position bias: chance of being looked at", xlabel="position", ylim=(0, 1.05), xticks=range(1, 13))
    axes.legend()


def click_rate(axes: Axes, con: duckdb.DuckDBPyConnection) -> None:
    sql = f"""
        select domain, position, avg(is_clicked::int), avg(click_probability), count(*)
        from ({SHOWN}) group by all order by all
    """
    table = con.execute(sql).fetchall()
    for domain, colour in DOMAINS.items():
        mine = np.array([row[1:] for row in table if row[0] == domain])
        error = 1.96 * np.sqrt(mine[:, 1] * (1 - mine[:, 1]) / mine[:, 3])
        axes.errorbar(mine[:, 0], mine[:, 1], error, color=colour, label=f"{domain}, clicked")
        axes.plot(mine[:, 0], mine[:, 2], ":", color=colour, label=f"{domain}, would click if looked at")
    axes.set(title="Click rate by position and domain", xlabel="position", ylim=(0, None), xticks=range(1, 13))
    axes.legend(fontsize=7, ncols=2)


def concentration(axes: Axes, con: duckdb.DuckDBPyConnection) -> None:
    sql = """
        select sum(c.is_exposed::int), sum(t.click_probability), count(*)
        from events.candidates c
        join events.requests r using (request_id)
        join truth.candidates t using (request_id, item_id)
        where r.domain = 'search'
        group by c.item_id
    """
    table = rows(con, sql)
    names = ("exposures", "clicks, were every candidate looked at", "candidacies")
    for column, (name, colour) in enumerate(zip(names, ("#b02a2a", "#1f5fa8", GREY), strict=True)):
        values = np.sort(table[:, column].astype(float))[::-1]
        share = np.concatenate([[0], np.cumsum(values) / values.sum()])
        axes.plot(np.linspace(0, 1, len(share)), share, color=colour, label=name)
    axes.plot([0, 1], [0, 1], ":", color=GREY)
    axes.set(title="Popularity: search exposure by item", xlabel="share of items, most first", ylabel="share held")
    axes.legend(loc="lower right")


def follow_up(axes: Axes, con: duckdb.DuckDBPyConnection) -> None:
    sql = """
        select a.action, epoch(a.acted_at - r.requested_at) / 3600
        from events.actions a
        join truth.actions t using (action_id)
        join events.requests r on r.request_id = t.causing_request_id
        where a.domain <> 'search' and a.action in ('click', 'purchase')
    """
    table = con.execute(sql).fetchall()
    for action, colour, window in (("click", "#1f5fa8", 24), ("purchase", "#b02a2a", 168)):
        hours = np.sort([hour for name, hour in table if name == action])
        axes.plot(hours, np.arange(1, len(hours) + 1) / len(hours), color=colour, label=f"{action} ({len(hours):,})")
        axes.axvline(window, color=colour, linestyle=":", linewidth=1)
    axes.set(title="From a search to what it causes elsewhere", xlabel="hours", ylabel="share done", xscale="log")
    axes.set_xticks([0.25, 1, 6, 24, 168], ["¼", "1", "6", "24", "168"])
    axes.legend(title="dotted: default window")


def lateness(axes: Axes, con: duckdb.DuckDBPyConnection) -> None:
    delay = np.sort(rows(con, "select epoch(recorded_at - acted_at) / 3600 from events.actions")[:, 0].astype(float))
    unknown = 1 - np.arange(1, len(delay) + 1) / len(delay)
    later = rows(con, "select avg((recorded_at::date > acted_at::date)::int) from events.actions")[0, 0]
    axes.plot(delay, unknown, color="#1f5fa8")
    axes.set(title="Late events: share not yet known", xlabel="hours since the action", xscale="log", yscale="log")
    axes.set_xticks([1 / 60, 1, 6, 24], ["1 min", "1", "6", "24"])
    axes.set_yticks([0.01, 0.02, 0.05, 0.1, 1], ["1 %", "2 %", "5 %", "10 %", "100 %"])
    axes.minorticks_off()
    axes.set_ylim(0.005, 1.1)
    axes.text(0.03, 0.06, f"{later:.1%} land in a later day's file", transform=axes.transAxes)


def prices(axes: Axes, con: duckdb.DuckDBPyConnection) -> None:
    offered = rows(con, "select price from events.items where price is not null")[:, 0].astype(float)
    paid = rows(con, "select unit_price from events.actions where action = 'purchase'")[:, 0].astype(float)
    bins = np.geomspace(min(offered.min(), paid.min()), max(offered.max(), paid.max()), 24)
    for values, colour, name in ((offered, GREY, "listed"), (paid, "#b02a2a", "paid")):
        weights = np.full(len(values), 1 / len(values))
        axes.hist(values, bins=bins, weights=weights, histtype="step", linewidth=1.5, color=colour, label=name)
    axes.set(title="Price", xlabel="price, shop's currency", ylabel="share", xscale="log")
    axes.set_xticks([3, 10, 30, 100, 300], ["3", "10", "30", "100", "300"])
    axes.minorticks_off()
    axes.legend()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="what uniscale simulate wrote")
    parser.add_argument("image", type=Path, help="PNG to write")
    arguments = parser.parse_args()
    con = connect(arguments.folder)
    figure, grid = plt.subplots(2, 3, figsize=(14, 7.5), layout="constrained")
    panels = (examination, click_rate, concentration, follow_up, lateness, prices)
    for axes, panel in zip(grid.flat, panels, strict=True):
        panel(axes, con)
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set_fontsize(11)
    figure.suptitle(f"world: {world_name(arguments.folder) or 'not named'}", fontsize=10, x=0.01, ha="left")
    arguments.image.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.image, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
