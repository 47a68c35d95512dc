"""How a ranker is fitted: everything that decides the weights apart from the model, the data and the seed."""

from __future__ import annotations

from dataclasses import dataclass

from uniscale.contracts.training import WORDS, check_word


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """This process among the workers of a run, and how it computes.

    Attributes:
        rank: Place, in [0, world_size).
        world_size: Workers.
        device: Torch device.
        precision: ``fp32``; ``bf16_matmul``, fp32 tensors whose matrix products are computed as in `quick_products`;
            or ``bf16``, matrix products and what follows them under autocast.
        compiled: Compile the blocks of the ranker (`torch.compile`).
        tables: How embedding tables are held: ``torch``, whole on every worker; ``sharded``, by row over the workers;
            ``fbgemm``, whole on the only worker, looked up and updated by one fused kernel.
        dense: How all other parameters are held: ``replicated``, or ``sharded`` over the workers (FSDP2).
    """

    rank: int = 0
    world_size: int = 1
    device: str = "cpu"
    precision: str = "fp32"
    compiled: bool = False
    tables: str = "torch"
    dense: str = "replicated"

    def __post_init__(self) -> None:
        for name in WORDS:
            check_word(name, getattr(self, name))
        if self.tables == "fbgemm" and self.world_size > 1:
            raise ValueError(
                "tables=fbgemm updates tables within the backward pass, before gradients of workers are added up; "
                "use one worker, or tables=torch"
            )
        if "sharded" in (self.tables, self.dense) and self.world_size == 1:
            raise ValueError("sharded parameters need more than one worker; use tables=torch and dense=replicated")
