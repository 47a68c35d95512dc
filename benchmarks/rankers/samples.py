"""What each part of the samples is worth: ``python -m benchmarks.rankers.samples``.

Simulated worlds, data recipes, rankers and ways of taking observation, every combination. On a development day each
arm picks its number of passes by the native GAUC, which a real shop has too. On the next day, which nothing was chosen
on, it is trained on several seeds twice: at its own best number of passes, and for the same number of steps as every
other arm (what two passes over ``es3`` take; ``exposed`` is then ``exposed_long``). It is judged on clicks, on searches
that were shown in random order, and against the shop's truth. With ``--choose-in`` the passes are chosen in one world
and taken to the others.

A trial that is done is kept in ``--folder``: the same command goes on where it stopped. Writes a record (JSON and
Markdown) into ``benchmarks/records``: ``samples_SIZE``, or ``observation_SIZE`` where observation is more than off; a
part of the rankers, and another weight of attributed labels than the packaged one, stand in its name. A world that is
done replaces the record's former one at once; worlds that are not asked for stay, each with the command that made it.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.rankers.trials import run_all
from benchmarks.rankers.weights import AXES, cell, write_policy
from benchmarks.shop import Shop
from uniscale.config import Settings
from uniscale.config.calendar import eval_days, train_days
from uniscale.config.state_files import read_state
from uniscale.contracts.policy import load_policy
from uniscale.contracts.training import OBSERVATIONS
from uniscale.data.mixture import count_requests
from uniscale.data.recipe import DATA, ES3
from uniscale.lake import Lake
from uniscale.models.zoo import MODELS
from uniscale.pipeline.steps import steps_until
from uniscale.recipes.catalogue import get_recipe
from uniscale.recipes.recipe import Recipe
from uniscale.simulator.worlds import PRESETS
from uniscale.whole_files import write_whole

WORLDS = ("default", "follow_shown", "long_lists", "channels_apart")
ORDER = (*WORLDS, *sorted(set(PRESETS) - set(WORLDS)))
COMPARED = tuple(name for name in DATA if name != "exposed_long")
RANKERS = ("dlrm", "hhfi", "hhsft")
PACKAGED = load_policy().attribution.weight
METRICS = ("gauc", "random_gauc", "true_gauc", "true_auc_exposed", "true_calibration")
TITLES = ("GAUC, clicks", "GAUC, random order", "true GAUC, whole lists", "true AUC, shown rows", "true calibration")
STEPS = steps_until("frames")
EQUAL_PASSES = 2
TRAIN_DAYS = 6

Words = tuple[str, str, str]
"""Data recipe, ranker and observation of an arm."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS), choices=sorted(PRESETS))
    parser.add_argument("--data", nargs="+", default=list(COMPARED), choices=list(DATA))
    parser.add_argument("--models", nargs="+", default=list(RANKERS), choices=sorted(MODELS))
    parser.add_argument("--observations", nargs="+", default=["off"], choices=OBSERVATIONS)
    parser.add_argument(
        "--weight", default=PACKAGED, choices=AXES["attribution.weight"], help="What an attributed label counts."
    )
    parser.add_argument(
        "--passes", nargs="+", type=int, default=[1, 2, 4], help="Tried on the development day if several."
    )
    parser.add_argument("--choose-in", choices=sorted(PRESETS), help="Choose passes in this world alone.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", default="xs")
    parser.add_argument("--world-seed", type=int, default=7)
    parser.add_argument("--folder", type=Path, required=True, help="Keeps shops and trials; goes on where it stopped.")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    about = "samples" if arguments.observations == ["off"] else "observation"
    name = "_".join((about, *part_of(arguments), arguments.size))
    kept = record.begin("benchmarks.rankers.samples")
    del kept["sizes"]
    kept["command"] = kept["command"].replace(str(arguments.folder), "FOLDER")
    former = record.stored(name, kept) or {}
    worlds = {world: {"command": former["command"], **found} for world, found in former.get("worlds", {}).items()}
    chosen = chosen_in(worlds.get(arguments.choose_in))
    for world in sorted(arguments.worlds, key=lambda name: name != arguments.choose_in):
        chosen = None if world == arguments.choose_in else chosen
        found, passes = study(arguments, world, chosen)
        worlds[world] = {"command": kept["command"], **found}
        chosen = passes if arguments.choose_in else None
        kept["worlds"] = {name: worlds[name] for name in sorted(worlds, key=ORDER.index)}
        record.store(name, kept, page(kept))


def chosen_in(world: Mapping[str, Any] | None) -> dict[Words, int] | None:
    """Passes that every arm of a recorded world took as its best."""
    if world is None:
        return None
    return {(t["data"], t["model"], t["observation"]): t["epochs"] for t in world["best_passes"]}


def part_of(arguments: argparse.Namespace) -> list[str]:
    """What a record that does not hold all says in its name: its rankers, and how attributed labels are weighed."""
    rankers = [] if arguments.models == list(RANKERS) else sorted(arguments.models)
    return [*rankers, *([] if arguments.weight == PACKAGED else [arguments.weight])]


def study(
    arguments: argparse.Namespace, world: str, chosen: dict[Words, int] | None
) -> tuple[dict[str, Any], dict[Words, int]]:
    """All arms in one world, and the passes of each: those chosen elsewhere, or else the best here."""
    folder = arguments.folder / f"{world}, {arguments.weight}"
    shop = open_shop(arguments, world, folder)
    arms = list(product(arguments.data, arguments.models, arguments.observations))
    tried = [arm(*words, arguments.size, passes=number) for words in arms for number in arguments.passes]
    has_choice = chosen is None and len(arguments.passes) > 1
    development = trials(shop, folder, tried) if has_choice else []
    best = chosen or {words: best_passes(development, words) if has_choice else arguments.passes[0] for words in arms}
    next_day(shop)
    steps = equal_steps(shop, arguments.size)
    seeds = range(arguments.seeds)
    at_best = [arm(*words, arguments.size, passes=best[words], seed=seed) for words in arms for seed in seeds]
    at_equal = [arm(*words, arguments.size, steps=steps, seed=seed) for words in arms for seed in seeds]
    found = {
        "development": development,
        "best_passes": trials(shop, folder, at_best),
        "equal_steps": trials(shop, folder, at_equal),
    }
    return found, best


def open_shop(arguments: argparse.Namespace, world: str, folder: Path) -> Shop:
    """The shop of a world with the frames of the development day, made now or found in its folder."""
    done, place = folder / "built", folder / "shop"
    folder.mkdir(exist_ok=True)
    if not done.is_file():
        shutil.rmtree(place, ignore_errors=True)  # cut off while it was made
    shop = Shop(place, size=arguments.size, train_days=TRAIN_DAYS, days_after=1)
    if arguments.weight != PACKAGED:
        shop.settings.policy = write_policy(folder, {"attribution.weight": arguments.weight})
    if not done.is_file():
        shop.simulate(arguments.world_seed, world=world)
        shop.build(STEPS)
        done.touch()
    return shop


def next_day(shop: Shop) -> None:
    """Go on to the test day's run; steps that are done are not done again."""
    shop.ds += timedelta(days=1)
    shop.build(STEPS)


def arm(
    data: str, model: str, observation: str, size: str, *, passes: int = 1, steps: int | None = None, seed: int = 0
) -> Recipe:
    """A ranker on some data, for some passes or steps."""
    base = get_recipe(f"{model}_{data}_{size}")
    train = replace(base.train, epochs=passes, steps=steps, observation=observation)
    return replace(base, train=train, seed_offset=seed)


def best_passes(development: Iterable[Mapping[str, Any]], words: Words) -> int:
    """The number of passes with the best native GAUC on the development day."""
    own = [trial for trial in development if (trial["data"], trial["model"], trial["observation"]) == words]
    return int(max(own, key=lambda trial: trial["gauc"])["epochs"])


def equal_steps(shop: Shop, size: str) -> int:
    """Steps that two passes over all of the samples take."""
    days = train_days(shop.settings, shop.ds)
    requests = count_requests(Lake(shop.settings), days, ES3, target_domain=shop.settings.target_domain)
    batch = get_recipe(f"dlrm_es3_{size}").train.batch_requests
    return EQUAL_PASSES * -(-requests // batch)


def trials(shop: Shop, folder: Path, recipes: Iterable[Recipe]) -> list[dict[str, Any]]:
    """Results of recipes on the shop's day, from the folder where they are done."""
    files = {trial_file(folder, shop.ds, recipe): recipe for recipe in recipes}
    waiting = [
        (shop.settings.model_dump(mode="json"), shop.ds, recipe, file)
        for file, recipe in files.items()
        if read_state(file, dict[str, Any]) is None
    ]
    run_all(run, waiting)
    found = [read_state(file, dict[str, Any]) for file in files]
    return [trial for trial in found if trial is not None]


def trial_file(folder: Path, ds: date, recipe: Recipe) -> Path:
    """Where a trial's result is kept."""
    train = recipe.train
    length = f"{train.steps} steps" if train.steps else f"{train.epochs} passes"
    return folder / f"{ds} {recipe.name} {train.observation} {length} seed {recipe.seed_offset}.json"


def run(work: tuple[dict[str, Any], date, Recipe, Path]) -> dict[str, Any]:
    """Train one arm and judge it on the day after."""
    from uniscale.evaluation.comparison import measure_roles
    from uniscale.evaluation.scoring import score_frames
    from uniscale.recipes.job import plan_job, train_alone
    from uniscale.training.determinism import use_threads

    content, ds, recipe, file = work
    settings = Settings(**content)
    settings.gate.num_resamples = 2  # the interval is over seeds
    use_threads(1)
    lake = Lake(settings)
    job = plan_job(settings, lake, recipe, train_days(settings, ds), "study")
    trainer = train_alone(settings, job)
    days = eval_days(settings, ds)
    predictions = score_frames(trainer.model, lake, days, target_domain=settings.target_domain)
    with lake.read() as con:
        con.register("trial_predictions", predictions)
        found = measure_roles(con, settings, days, {"trial": "from trial_predictions"}).samples["trial"]
        metrics = {name: found[name].value for name in METRICS if name in found}
        metrics["random_gauc"] = random_order_gauc(con, settings, days)
    result = {
        "data": recipe.data.name,
        "model": recipe.model,
        "observation": recipe.train.observation,
        "epochs": recipe.train.epochs,
        "seed": recipe.seed_offset,
        **metrics,
        "requests": trainer.num_requests,
        "rows": trainer.num_items,
        "steps": trainer.num_steps,
        "passes": round(trainer.passes, 2),
        "told": {name: value for name, value in trainer.curve[-1].items() if name.startswith("observation.")},
    }
    write_whole(file, json.dumps(result))
    return result


def random_order_gauc(con: Any, settings: Settings, days: Iterable[date]) -> float | None:
    """GAUC on the clicks of searches that were shown in random order; ``trial_predictions`` are registered."""
    import numpy as np

    from uniscale.evaluation.statistic import request_auc

    rows = con.execute(
        """
        with scored as (
            select
                frames.sample_id,
                unnest(frames.is_exposed) as is_exposed,
                unnest(frames.is_clicked) as is_clicked,
                unnest(predicted.click_probability) as score
            from lake.ml.frames as frames
            inner join trial_predictions as predicted on frames.sample_id = predicted.request_id
            inner join lake.raw.requests as requests on frames.sample_id = requests.request_id
            where
                frames.split = 'eval' and frames.domain = ? and list_contains(?, frames.ds)
                and list_contains(?, requests.ds) and requests.attributes['order'] = 'random'
        )

        select dense_rank() over (order by sample_id) - 1 as request, is_clicked, score from scored where is_exposed
        """,
        [settings.target_domain, list(days), list(days)],
    ).fetchnumpy()
    if not len(rows["request"]):
        return None
    request_N = rows["request"].astype(np.int64)
    auc_R, is_defined_R = request_auc(request_N, rows["is_clicked"], rows["score"], int(request_N.max()) + 1)
    return float(auc_R[is_defined_R].mean()) if is_defined_R.any() else None


def page(kept: dict[str, Any]) -> str:
    """The record for people."""
    lines = [
        f"# What each part of the samples is worth, {kept['date']}",
        "",
        f"{kept['hardware']}. {TRAIN_DAYS} training days, judged on the day after; mean and standard error over seeds.",
    ]
    for world, found in kept["worlds"].items():
        for part, title in (("equal_steps", "equal steps"), ("best_passes", "each at its best number of passes")):
            lines += ["", f"## {world}: {title}", "", f"`{found['command']}`", "", *_table(found[part])]
    return "\n".join(lines) + "\n"


def _table(done: list[dict[str, Any]]) -> list[str]:
    head = ("ranker", "data", "observation", "requests", "rows", "steps", "passes", *TITLES)
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    arms: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for trial in done:
        arms.setdefault((trial["model"], trial["data"], trial["observation"]), []).append(trial)
    for words, own in arms.items():
        first = own[0]
        facts = (f"{first['requests']:,}", f"{first['rows']:,}", f"{first['steps']:,}", f"{first['passes']:g}")
        cells = [cell([trial[name] for trial in own]) for name in METRICS]
        lines.append(f"| {' | '.join((*words, *facts, *cells))} |")
    return lines


if __name__ == "__main__":
    main()
