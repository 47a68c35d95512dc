"""Ray Train on a cluster of one's own, without the helpers that only shared clusters and Ray Data need."""

from __future__ import annotations

from typing import Any

from ray.train.torch import TorchTrainer
from ray.train.v2._internal.callbacks import DatasetsCallback
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback
from ray.train.v2._internal.execution.scaling_policy import FixedScalingPolicy


class LocalTrainer(TorchTrainer):
    """A `TorchTrainer` whose run starts its controller, its workers and the actor they meet at, and nothing more.

    Ray Train starts three more actors one after the other, each a process that imports Ray: one hands out data sets of
    Ray Data (none are used), one frees the resources of a controller that died (a local cluster ends with its driver)
    and one reserves resources against other jobs (there are none).
    """

    def _create_default_callbacks(self) -> list[Any]:
        unused = (DatasetsCallback, PlacementGroupCleanerCallback)
        return [callback for callback in super()._create_default_callbacks() if not isinstance(callback, unused)]

    def _initialize_and_run_controller(self, **parts: Any) -> Any:
        return super()._initialize_and_run_controller(**{**parts, "scaling_policy": _Alone(self.scaling_config)})


class _Alone(FixedScalingPolicy):
    """The same number of workers always, without a word to other jobs."""

    def after_controller_start(self, train_run_context: Any) -> None:
        """Register nothing."""

    def _send_resource_request(self) -> None:
        """Request nothing."""

    def _maybe_send_resource_request(self) -> None:
        """Request nothing."""
