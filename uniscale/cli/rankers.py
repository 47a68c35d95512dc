"""`uniscale rankers, export`: which architectures there are, and a trained one as a graph without Python."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from uniscale.cli.preconditions import require_registry
from uniscale.config import load_settings
from uniscale.console import err, exit_codes, out, print_json

_HOW_TO_SCORE = """score with it:
    from pathlib import Path
    from uniscale.data.collate import collate
    from uniscale.data.histories import read_histories
    from uniscale.models.export import load_exported

    ranker = load_exported(Path({folder!r}))
    domains = tuple(ranker.about["domains"])
    histories = read_histories(lake, [day], "eval", domains, ranker.about["history_length"])
    batch, _, meta = collate(frame, domains, histories)  # the frame of one request, a row of ml.frames
    probabilities = ranker.score(batch).sigmoid()  # one column per task, a row per candidate in meta.item_ids
docs/training.md has it with frames of the lake"""
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("rankers")(rankers)
    app.command("export")(export)


def rankers(
    size: Annotated[str, typer.Option(help="Size: xs, s, m, l or xl.")] = "s",
    as_json: Json = False,
) -> None:
    """List the rankers of the zoo with parameters, and operations per request and per item, at a size."""
    with exit_codes():
        from rich.progress import track

        from uniscale.models.cost import cost_at
        from uniscale.models.zoo import MODELS, size_of

        dial, domains = size_of(size), load_settings().domains
        names = track(sorted(MODELS), "counting", console=err, transient=True, disable=not err.is_terminal)
        costs = {name: cost_at(MODELS[name], dial, domains) for name in names}
        if as_json:
            print_json({name: asdict(cost) for name, cost in costs.items()})
            return
        title = f"size {size}, {len(domains)} domains: million parameters and operations"
        table = Table(title=title, box=SIMPLE, padding=(0, 1), pad_edge=False)
        for column in ("ranker", "dense", "activated", "tables", "per request", "per item"):
            table.add_column(column, justify="left" if column == "ranker" else "right", no_wrap=True)
        for name, cost in costs.items():
            params = (cost.dense_params, cost.activated_params, cost.embedding_params)
            flops = (cost.flops_per_request, cost.flops_per_item)
            table.add_row(name, *(f"{number / 1e6:.2f}" for number in params), *(f"{flop / 1e6:.2f}" for flop in flops))
        out.print(table)


def export(
    version: Annotated[str, typer.Argument(help="Number of a registered version, or champion or challenger.")],
    folder: Annotated[Path, typer.Option("--to", help="Folder that receives the graph.")],
    domain: Annotated[str | None, typer.Option(help="Domain to score; default the target domain.")] = None,
    as_json: Json = False,
) -> None:
    """Write a version's scoring graph (torch.export): one request, any number of candidates, one domain.

    To score with it, in Python: uniscale.models.export.load_exported(FOLDER).score(batch) gives the logits of all
    tasks, one row per candidate. uniscale.data.collate.collate makes a batch of the frames of a request;
    docs/training.md has a whole example.
    """
    with exit_codes():
        settings = load_settings()
        require_registry(settings)
        from uniscale.batch.synthetic import random_batch
        from uniscale.models.export import export_ranker
        from uniscale.models.zoo import load_model
        from uniscale.registry.store import Registry

        registry = Registry(settings)
        model = load_model(registry.download(registry.named(version)))
        example = random_batch(sizes=(8,), length=model.inputs.history_length, num_domains=len(model.domains))
        exported = export_ranker(model, domain or settings.target_domain, example, folder)
        if as_json:
            print_json({"folder": str(folder), **exported.about})
            return
        out.print(
            f"{model.name} ({model.size}), domain {exported.about['domain']}: {exported.about['num_params']:,} "
            f"parameters in {folder}",
            highlight=False,
        )
        err.print(_HOW_TO_SCORE.format(folder=str(folder)), highlight=False, markup=False)
