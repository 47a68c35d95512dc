"""Settings that will not do are refused when they are read: what, which value, where, and what to do."""

import pytest

from uniscale.config import load_settings


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.delenv("UNISCALE_CONFIG")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "uniscale.toml"


WRONG = [
    ('home = ""', "home = '': name a folder"),
    ("domains = []", r"domains = \[\]: name at least one domain"),
    ('domains = ["search", "search"]', r"domains = \['search', 'search'\]: .*each once"),
    ('domains = ["search", ""]', "domains = .*name at least one domain"),
    ("domains = [1]", "domains = 1: Input should be a valid string"),
    ('target_domain = "mail"', "target_domain = 'mail' is none of domains = .'search', 'feed', 'shop'.; add it there"),
    ('[training]\ndevice = "gpu"', "training.device = 'gpu': write cpu or cuda"),
    ('[training]\ndevice = "cuda:"', "training.device = 'cuda:': write cpu or cuda"),
    ('[training]\nprecision = "fp16"', "training.precision = 'fp16': .* use one of fp32, bf16_matmul, bf16"),
    ('[training]\ntables = "rows"', "training.tables = 'rows': .* use one of torch, fbgemm, sharded"),
    ('[training]\ndense = "fsdp"', "training.dense = 'fsdp': .* use one of replicated, sharded"),
    ('[training]\nbackend = "glo"', "training.backend = 'glo': write one of gloo, nccl"),
    ('[training]\nbackend = "cpu:gloo,cuda:ncl"', "training.backend = 'cpu:gloo,cuda:ncl': write one of gloo, nccl"),
    ('[training]\nchallenger_recipe = "hhsft_es3_xxs"', "training.challenger_recipe = .* the sizes xs, s, m, l, xl"),
    ('[training]\nchampion_recipe = "dlmr_es3_xs"', "training.champion_recipe = .* of the models dcnv2, dlrm"),
    ("[training]\nnum_workers = 0", "training.num_workers = 0: Input should be greater than or equal to 1"),
    ('[lake]\nmemory_limit = "lots"', "lake.memory_limit = 'lots': write a number and a unit"),
    ('[lake]\nmemory_limit = "4"', "lake.memory_limit = '4': write a number and a unit"),
    ('[lake]\nmemory_limit = "0GB"', "lake.memory_limit = '0GB': write a number and a unit"),
    ('[lake]\nmemory_limit = "-1GB"', "lake.memory_limit = '-1GB': write a number and a unit"),
    ('[lake]\ncatalog = "duckdb:lake.db"', "lake.catalog: write sqlite:PATH or postgres:DSN; it begins with 'duckdb:'"),
    ('[lake]\ncatalog = "lake.sqlite"', "lake.catalog: write sqlite:PATH or postgres:DSN; it has no colon"),
    ('[lake]\ncatalog = "sqlite:"', "lake.catalog: write sqlite:PATH"),
    ('[gate]\nmetric = "ctr"', "gate.metric = 'ctr': gate metric 'ctr' cannot decide; .* one of .'auc', 'gauc'"),
    ('[gate.guardrails.gmv]\nmetric = "calibration"', "gate.guardrails.gmv.metric = 'calibration': .* cannot decide"),
    ('[gate.guardrails.tail]\nslice = "tail"', "gate.guardrails.tail.slice = 'tail': no slice is called 'tail'; "),
    ('[gate]\nguardrail = "gmv_proxy"', "gate.guardrail is no setting; did you mean guardrails"),
    ('[features]\nonline_store = "dynamo"', "features.online_store = 'dynamo': write sqlite or redis"),
    ('[features]\nredis = "localhost"', "features.redis = 'localhost': write host:port"),
    ('[tracking]\nuri = "lots"', "tracking.uri = 'lots': write the address of a server"),
    ('[alerts]\nwebhook = "hooks.example/key"', "alerts.webhook: write the address that the chat gave out"),
    ("[window]\ntrain_dayz = 3", "window.train_dayz is no setting; did you mean train_days?"),
    ("[windows]\ntrain_days = 3", "windows is no setting; did you mean window?"),
    ("[window]\nx = 3", "window.x is no setting; there are train_days, eval_days"),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_a_setting_that_will_not_do_is_refused_with_its_file_its_value_and_the_remedy(file, text, told):
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"uniscale.toml: {told}"):
        load_settings()


def test_every_fault_is_told_at_once(file):
    file.write_text('[training]\ndevice = "gpu"\n[lake]\nmemory_limit = "lots"\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"lake\.memory_limit.*; .*training\.device"):
        load_settings()


def test_the_variable_that_holds_the_value_is_named_before_the_file(file, monkeypatch):
    file.write_text("", encoding="utf-8")
    monkeypatch.setenv("UNISCALE_TRAINING__DEVICE", "gpu")
    with pytest.raises(ValueError, match=r"^UNISCALE_TRAINING__DEVICE: training\.device = 'gpu': write cpu"):
        load_settings()


def test_a_list_in_the_environment_that_is_no_json_is_refused_with_an_example(file, monkeypatch):
    monkeypatch.setenv("UNISCALE_DOMAINS", "search,feed")
    with pytest.raises(ValueError, match=r'"domains".*lists are JSON: UNISCALE_DOMAINS='):
        load_settings()


@pytest.mark.parametrize("content", [b"home = home\n", b"[window\n", b'home = "\xff"\n', b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_named(file, content):
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"uniscale\.toml is no TOML file: .*"):
        load_settings()


@pytest.mark.parametrize("catalog", ["mysql:password=hunter2", "hunter2", "postgres2:u:hunter2@host"])
def test_no_fault_shows_a_password(file, catalog):
    uri = '[tracking]\nuri = "postgres://me:hunter2@db/mlflow"\n'
    file.write_text(f'[lake]\ncatalog = "{catalog}"\n[features]\nredis_passwort = "hunter2"\n{uri}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"lake\.catalog") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_policy_that_is_not_there_is_refused(file):
    file.write_text('policy = "mine.yaml"', encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"policy = .*mine\.yaml' does not exist"):
        load_settings()


@pytest.mark.parametrize(
    "text",
    [
        '[training]\ndevice = "cuda"',
        '[training]\ndevice = "cuda:1"',
        '[lake]\nmemory_limit = "1.5 GiB"',
        '[lake]\nmemory_limit = "512mb"',
        '[lake]\ncatalog = "postgres:dbname=lake host=db"',
        '[tracking]\nuri = "postgresql+psycopg2://db/mlflow"',
        'domains = ["web"]\ntarget_domain = "web"',
        '[features]\nredis = "redis:6379,db=1,ssl=true"',
    ],
)
def test_what_will_do_is_taken(file, text):
    file.write_text(text, encoding="utf-8")
    load_settings()
