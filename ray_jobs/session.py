"""A Ray session that is quiet, local by default, and leaves nothing behind."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from uniscale.checkout import PROJECT_ROOT
from uniscale.config import Settings

_TEMP_ROOT = Path("/tmp")
_PREFIX = "us-ray-"
_OBJECT_STORE_BYTES = 100 * 2**20

ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    # Train's controller looks at its workers, and at reported checkpoints, this often; the default is 2 s.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "AIR_VERBOSITY": "0",
}
LOCAL_ENVIRONMENT = {
    # Ray's servers listen on the address of their node, on all interfaces unless that is loopback. It takes loopback
    # where clusters are switched off, which is what this variable says on any system despite its name.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # A process of its own that asks whether a cloud is about to take a node away.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    # Processes ahead of their work, which Ray Train does not take: its own need another environment.
    "RAY_prestart_worker_first_driver": "0",
}


@contextmanager
def ray_session(settings: Settings, num_cpus: int) -> Iterator[None]:
    """Connect to the configured cluster, or start a local one for the length of the block.

    Args:
        settings: ``training.ray_address`` names a cluster.
        num_cpus: Processes a local cluster may run at once; they may be more than the machine's cores.
    """
    is_local = settings.training.ray_address is None
    os.environ.update({**ENVIRONMENT, **(LOCAL_ENVIRONMENT if is_local else {})})
    # Workers import this project by name, wherever they are started.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(PROJECT_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    import ray

    for name in ("ray", "ray.train", "ray.tune", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    temp = None
    if not is_local:
        ray.init(address=settings.training.ray_address, **quiet)
    else:
        # A socket path may not be longer than about 100 characters, so the folder lies directly below /tmp.
        _remove_orphans()
        temp = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_TEMP_ROOT))
        ray.init(
            num_cpus=num_cpus,
            object_store_memory=_OBJECT_STORE_BYTES,
            include_dashboard=False,
            _temp_dir=str(temp),
            **quiet,
        )
    try:
        yield
    finally:
        ray.shutdown()
        if temp is not None:
            shutil.rmtree(temp, ignore_errors=True)


def _remove_orphans() -> None:
    """Remove folders of sessions whose process was killed."""
    for folder in _TEMP_ROOT.glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)
