"""The list-wise store against flat rows: ``python -m benchmarks.data.store --rows 1e6 5e6 20e6``.

The samples of a shop of about so many candidate rows are written list-wise (one record per request next to one sequence
per user) and flat (one row per item, with everything about its request repeated, without and with the user's last
actions), in the same order, with the same compression. Bytes are compared, and how fast a loader reads them, each time
in a cold process, best of several. Writes a record (JSON and Markdown) after every size, and a plot.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.data.es3_scale_report import by_rows
from benchmarks.data.es3_shops import ScaledShop, parse_rows
from benchmarks.record import begin, store
from uniscale.checkout import PROJECT_ROOT
from uniscale.pipeline.steps import steps_until

PLOT = PROJECT_ROOT / "docs" / "img" / "store.png"
WINDOWS = (None, 20, 50)
"""Longest window of actions; None leaves the sequences out."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", type=parse_rows, default=[1_000_000, 5_000_000, 20_000_000])
    parser.add_argument("--repeats", type=int, default=3, help="Cold processes that read each layout; the best counts.")
    arguments = parser.parse_args()
    record = begin("benchmarks.data.store")
    for rows in sorted(arguments.rows):
        with tempfile.TemporaryDirectory(prefix="uniscale-bench-") as scratch:
            record["sizes"][str(rows)] = measure(Path(scratch), rows, arguments.repeats)
        write(record)
    print(markdown(record))


def measure(scratch: Path, rows: int, repeats: int) -> dict[str, Any]:
    """Build the samples of a shop, write them in all layouts, read each."""
    shop = ScaledShop(scratch / "shop", rows)
    shop.simulate()
    shop.build(steps_until("samples"))
    files = scratch / "files"
    found = shop.run("benchmarks.data.es3_store_write", str(files))
    found["read"] = {}
    for window in WINDOWS:
        for layout, words in layouts(window).items():
            tries = [shop.run("benchmarks.data.es3_store_read", str(files), *words) for _ in range(repeats)]
            found["read"][layout] = best = min(tries, key=lambda tried: float(tried["seconds"]))
            if best["items"] != found["items"]:
                raise ValueError(f"{layout} gives {best['items']:,} items, the lake holds {found['items']:,}")
            shown = found["windowed_actions"].get(f"flat {window}")
            if best.get("windowed_actions", shown) != shown:
                raise ValueError(f"{layout} shows {best['windowed_actions']:,} actions, flat rows {shown:,}")
    return found


def layouts(window: int | None) -> dict[str, tuple[str, ...]]:
    """Both layouts for a window: name, and the words that `es3_store_read` takes."""
    if window is None:
        return {"list-wise": ("list-wise",), "flat": ("flat",)}
    return {f"list-wise {window}": ("list-wise", str(window)), f"flat {window}": (f"flat {window}",)}


def bytes_of(found: dict[str, Any], layout: str) -> int:
    """Bytes on the disk; list-wise with any window is the records and all sequences."""
    files = found["files"]
    if layout.startswith("list-wise "):
        return int(files["list-wise"]["bytes"] + files["sequences"]["bytes"])
    return int(files[layout]["bytes"])


def write(record: dict[str, Any]) -> None:
    """Store the record as JSON, as tables that a person reads, and as a plot."""
    store("store", record, markdown(record))
    plot(record["sizes"])


def markdown(record: dict[str, Any]) -> str:
    """The record as a page."""
    lines = [
        f"# The list-wise store against flat rows, {record['date']}",
        "",
        f"`{record['command']}`, code {record['code_version']}, {record['hardware']}. Parquet, zstd level 3, sorted "
        "by request, row groups of 122,880 rows. A number is the longest window of the user's actions: the "
        "flat rows hold it, list-wise it is a prefix of the user's one sequence, and all sequences are counted. "
        "Seconds do not count the start of the process; list-wise they end with the place of every window, and "
        "gathering the windows, once per record, comes on top. Held: what all of it takes in memory as Arrow; the flat "
        "rows are read in batches that are let go.",
        "",
        "| candidate rows | items | layout | MiB | bytes per item | of flat | seconds | items/s "
        "| items/s with gathering | held MiB | peak MiB |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for rows, found in record["sizes"].items():
        for window in WINDOWS:
            for layout in layouts(window):
                lines.append(f"| {int(rows):,} | {_cells(found, layout, window)} |")
    lines += ["", "By user instead of by request, and how many actions a window of the flat rows holds:", ""]
    for rows, found in record["sizes"].items():
        files = found["files"]
        by_user = files["list-wise by user"]["bytes"] / files["list-wise"]["bytes"]
        windows = ", ".join(
            f"{layout}: {actions / found['records']:.1f}" for layout, actions in found["windowed_actions"].items()
        )
        lines.append(
            f"- {int(rows):,} rows: records sorted by user take {by_user:.1%} of the bytes of those sorted by request; "
            f"{found['actions']:,} actions in all; mean window {windows}."
        )
    return "\n".join(lines) + "\n"


def _cells(found: dict[str, Any], layout: str, window: int | None) -> str:
    read, size, items = found["read"][layout], bytes_of(found, layout), found["items"]
    flat = bytes_of(found, "flat" if window is None else f"flat {window}")
    gathered = f"{items / (read['seconds'] + read['gather_seconds']):,.0f}" if "gather_seconds" in read else ""
    share = "" if size == flat else f"{size / flat:.1%}"
    return (
        f"{items:,} | {layout} | {size / 2**20:,.1f} | {size / items:.2f} | {share} | {read['seconds']:.2f} "
        f"| {items / read['seconds']:,.0f} | {gathered} | {read['bytes_held'] / 2**20:,.0f} | {read['peak_mib']:,.0f}"
    )


def plot(sizes: dict[str, dict[str, Any]]) -> None:
    """Bytes per item and items per second by candidate rows."""
    from matplotlib.figure import Figure

    colours = {None: "#666666", 20: "#1f5fa8", 50: "#d1661c"}
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    rows = [int(name) for name in sizes]
    for window in WINDOWS:
        for layout, line in zip(layouts(window), ("o-", "s:"), strict=True):
            stored = [bytes_of(found, layout) / found["items"] for found in sizes.values()]
            read = [found["items"] / found["read"][layout]["seconds"] for found in sizes.values()]
            panels[0].plot(rows, stored, line, color=colours[window], label=layout)
            panels[1].plot(rows, read, line, color=colours[window], label=layout)
    for axes, title in zip(panels, ("bytes per item on the disk", "items read per second"), strict=True):
        axes.set(title=title, ylim=(0, None))
        by_rows(axes, rows)
    panels[0].legend(fontsize=8, ncols=3)
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
