"""An installation whose rankers are as skilled as a test says: judging without training."""

from datetime import date, timedelta

from tests.support_evaluation import predictions, write_test_day
from uniscale.contracts.outcomes import ALIASES
from uniscale.decision import judge
from uniscale.registry.store import Registry

DS = date(2026, 1, 5)
NEXT = DS + timedelta(days=1)


class Stage:
    """An installation whose rankers are as skilled as a test says."""

    def __init__(self, settings, lake, model_dir):
        self.settings, self.lake, self.model_dir = settings, lake, model_dir
        self.registry = Registry(settings)
        self.skills = {}
        self.frames = {}

    def train(self, ds, role, skill, recipe=None, days=None):
        version = self.registry.register(
            ds=ds,
            role=role,
            days=days or [ds],
            recipe=recipe or {},
            model_name="dlrm-xs",
            model_dir=self.model_dir,
            metrics={},
            curve=[],
            snapshot_id=7,
            code_version="c",
            num_params=9,
            key=f"{ds} {role} {len(self.skills)}",
        )
        if role in ALIASES:
            self.registry.set_alias(role, version)
        self.skills[version.version] = skill
        return version

    def test_day(self, day, num_requests=60):
        self.frames[day] = write_test_day(self.lake, day, num_requests, seed=day.day)

    def score(self, settings, lake, days, registry, version):
        return predictions(self.frames[days[0]], self.skills[version.version])

    def run(self, ds):
        judge.evaluate_day(self.settings, self.lake, ds)
        return judge.promote_day(self.settings, self.lake, ds)

    def rows(self, query):
        with self.lake.read() as con:
            return con.execute(query).fetchall()

    def champion(self):
        return self.registry.champion().version
