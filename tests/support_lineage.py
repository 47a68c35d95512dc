"""A whole small installation: three users, two training days, one test day, all steps up to the online store."""

from datetime import date

import pytest

from tests.support_warehouse import Log, moment
from uniscale.config import load_settings
from uniscale.contracts.events import QUARANTINE
from uniscale.contracts.outcomes import PREDICTIONS
from uniscale.lake import Lake
from uniscale.pipeline.run import do_step
from uniscale.pipeline.steps import steps_until

DS = date(2026, 1, 7)
ANNA, BERT, CLEO = "anna-7731", "bert-9042", "cleo-5519"
WISH = "what anna wishes"
STEPS = steps_until("materialize")


def at_home(patch: pytest.MonkeyPatch, home):
    """Settings and lake of the installation in ``home``, which commands find too."""
    patch.chdir(home.parent)
    patch.setenv("UNISCALE_HOME", str(home))
    patch.setenv("UNISCALE_WINDOW__TRAIN_DAYS", "2")
    settings = load_settings()
    return settings, Lake(settings)


def small_log() -> Log:
    log = Log()
    for user in (ANNA, BERT, CLEO):
        log.user(user, moment("04 00:00"), age="30")
    for item, category in (("s1", "shoes"), ("s2", "shoes"), ("s3", "shoes"), ("s4", "shoes"), ("h1", "hats")):
        log.item(item, moment("04 00:00"), category_id=category, title=f"red {category} {item}", price=9.0)
    log.request("r-a1", ANNA, moment("06 10:00"), exposed=["s1", "s2"], unexposed=["s3", "h1"], query="Red Shoe")
    log.act("n1", ANNA, "s1", "click", moment("06 10:01"), request_id="r-a1", domain="search")
    log.act("o1", ANNA, "s3", "click", moment("06 11:00"))
    log.act("o2", ANNA, "s2", "purchase", moment("06 12:30"), value=20.0)
    log.request("r-b1", BERT, moment("06 15:00"), exposed=["h1", "s1"], query="red hat")
    log.act("n2", BERT, "h1", "click", moment("06 15:01"), request_id="r-b1", domain="search")
    log.act("c2", BERT, "h1", "cart", moment("06 15:02"), request_id="r-b1", domain="search")
    log.request("f-a1", ANNA, moment("07 10:30"), exposed=["s4", "s2", "h1"], unexposed=["s3"], domain="feed")
    log.act("n3", ANNA, "s4", "click", moment("07 10:31"), request_id="f-a1")
    log.request("r-b2", BERT, moment("07 10:00"), exposed=["s1"], unexposed=["s2"], query="red shoe")
    log.request("r-a2", ANNA, moment("07 11:00"), exposed=["s1"], unexposed=["s2"], query=WISH)
    log.request("r-b3", BERT, moment("08 10:00"), exposed=["h1"], query="red hat")
    log.request("r-a3", ANNA, moment("08 11:00"), exposed=["s1"], query="red shoe")
    return log


def run_steps(*names: str) -> dict[str, bool]:
    """Do the steps of DS; tells which ran now."""
    return {name: do_step(name, DS)[1] for name in names}


def grow(settings, lake) -> None:
    """Run the day's steps on the log, and add what later steps and broken files would leave."""
    small_log().land(lake)
    lake.commit(lambda con: Lake.create(con, QUARANTINE), "an empty quarantine")
    run_steps(*STEPS)

    def add(con):
        Lake.create(con, PREDICTIONS)
        for number, row_json in enumerate(
            (
                f'{{"user_id": "{ANNA}", "valid_from": "never"}}',
                f'{{"line": "{ANNA},too,many,fields"}}',
                '{"request_id": "r-a1", "item_id": null}',
                f'{{"user_id": "{BERT}", "valid_from": "never"}}',
            )
        ):
            con.execute(
                "insert into lake.raw.quarantine values (null, 'events', 'users', 'f.csv', ?, 'c', 'is bad', ?)",
                [number, row_json],
            )
        for request in ("r-a3", "r-b3"):
            con.execute(
                "insert into lake.ml.predictions values (?, 'champion', '1', ?, ['s1'], [0.5], [0.5], [0.5])",
                [DS, request],
            )

    lake.commit(add, "what else there is")


def register_models(settings, folder) -> None:
    """Three versions: the champion trained on DS and before, one on another day, one that does not know its days."""
    from uniscale.models.zoo import build_model, save_model
    from uniscale.registry.store import Registry

    save_model(build_model("dlrm", "xs", settings.domains), folder)
    registry = Registry(settings)
    for key, days in (("on", [date(2026, 1, 6), DS]), ("off", [date(2026, 1, 2)]), ("old", [DS])):
        registry.register(
            ds=DS,
            role="challenger",
            days=days,
            recipe={"name": "dlrm_exposed_xs"},
            model_name="dlrm-xs",
            model_dir=folder,
            metrics={},
            curve=[],
            snapshot_id=Lake(settings).snapshot_id(),
            code_version="c",
            num_params=1,
            key=key,
        )
    registry.set_alias("champion", "1")
    registry._client.delete_model_version_tag("ranker", "3", "days")
