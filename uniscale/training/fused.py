"""Embedding tables whose update is part of the backward pass (fbgemm's table-batched embedding).

The same look-ups and the same row-wise Adagrad as `Embeddings` and `RowWiseAdagrad`, in one kernel: no gradient is ever
stored. Optional: it needs ``fbgemm-gpu-cpu`` on a CPU, ``fbgemm-gpu`` on a GPU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from uniscale.models.common.embeddings import Embeddings


class FusedEmbeddings(Embeddings):
    """Takes over the tables of a ranker; their weights keep their name, so the ranker is saved and loaded as ever."""

    def __init__(self, tables: Embeddings) -> None:
        """Move the weights into the kernel's memory.

        Args:
            tables: Tables to take over, on the device they will stay on.

        Raises:
            ValueError: fbgemm is not installed.
        """
        nn.Module.__init__(self)
        self.width = tables.width
        self._rows, self._first = tables._rows, tables._first
        self._kernel = [_kernel(tables)]  # in a list: the kernel's own parameters are no parameters of the ranker
        (weight,) = self._kernel[0].split_embedding_weights()
        weight.copy_(tables.weight.detach())
        self.weight = nn.Parameter(weight, requires_grad=False)

    def sums(self, rows_X: Tensor, offsets_G: Tensor, weights_X: Tensor) -> Tensor:
        """Weighted sums of rows over bags, [G, E]."""
        ends = torch.cat([offsets_G, torch.tensor([rows_X.numel()], device=rows_X.device)])
        sums: Tensor = self._kernel[0](rows_X, ends, per_sample_weights=weights_X)
        return sums

    def set_rate(self, rate: float) -> None:
        """Learning rate of the next backward pass."""
        self._kernel[0].set_learning_rate(rate)

    def state(self) -> Tensor:
        """Sums of squared gradients, one per row: what a checkpoint needs in addition to the weights."""
        ((total,),) = self._kernel[0].split_optimizer_states()
        return total.detach().clone()

    def restore(self, total: Tensor) -> None:
        """Take back what `state` gave."""
        self._kernel[0].split_optimizer_states()[0][0].copy_(total)


def _kernel(tables: Embeddings) -> Any:
    try:
        from fbgemm_gpu.split_embedding_configs import EmbOptimType, SparseType
        from fbgemm_gpu.split_table_batched_embeddings_ops_common import EmbeddingLocation, PoolingMode
        from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
            ComputeDevice,
            SplitTableBatchedEmbeddingBagsCodegen,
        )
    except ImportError as error:
        raise ValueError(
            "tables=fbgemm needs a library that is not installed: pip install fbgemm-gpu-cpu==1.8.0 (fbgemm-gpu on a "
            "GPU), or set training.tables to torch"
        ) from error
    on_gpu = tables.weight.is_cuda
    place = EmbeddingLocation.DEVICE if on_gpu else EmbeddingLocation.HOST
    return SplitTableBatchedEmbeddingBagsCodegen(
        [(*tables.weight.shape, place, ComputeDevice.CUDA if on_gpu else ComputeDevice.CPU)],
        optimizer=EmbOptimType.EXACT_ROWWISE_ADAGRAD,
        pooling_mode=PoolingMode.SUM,
        weights_precision=SparseType.FP32,
        learning_rate=0.0,
        eps=1e-8,
    )
