"""What a ranker predicts of a row: one declaration per task; labels, heads, predictions and reports follow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One thing that may happen to a row.

    Attributes:
        name: One word.
        label: Column that says whether it happened, in every table from the marts to the frames.
        actions: What the user does then, of `uniscale.contracts.events.ACTIONS`.
        implied_by: Tasks that happen to no row without this one.
        initial_logit: Usual order of magnitude of its rate, so that the first steps do not go into finding it.
        is_attributed: Whether actions in other channels may give the label (stage B of ES3).
    """

    name: str
    label: str
    actions: tuple[str, ...]
    implied_by: tuple[str, ...] = ()
    initial_logit: float
    is_attributed: bool = False

    @property
    def probability(self) -> str:
        """Column of its predicted probability."""
        return f"{self.name}_probability"

    @property
    def native_label(self) -> str:
        """Column that says whether it happened in the request itself, whatever attribution says."""
        return self.label.replace("is_", "is_natively_", 1) if self.is_attributed else self.label


CLICK = Task(
    name="click",
    label="is_clicked",
    actions=("click",),
    implied_by=("purchase",),
    initial_logit=-2.0,  # 12 %
    is_attributed=True,
)
CART = Task(name="cart", label="is_carted", actions=("cart", "favorite"), initial_logit=-3.5)  # 3 %
PURCHASE = Task(
    name="purchase",
    label="is_purchased",
    actions=("purchase",),
    initial_logit=-4.0,  # 2 %
    is_attributed=True,
)

TASKS: tuple[Task, ...] = (CLICK, CART, PURCHASE)
"""In the order of a ranker's outputs."""

TASK_NAMES = tuple(task.name for task in TASKS)

LABELS = tuple(task.label for task in TASKS)

NATIVE_ONLY = tuple(task.label for task in TASKS if not task.is_attributed)
"""Labels that only the request itself gives."""


def labelling_actions(task: Task) -> tuple[str, ...]:
    """The actions of a request that give a row the label: those of the task and of the tasks that imply it."""
    implied = [action for other in TASKS if other.name in task.implied_by for action in other.actions]
    return (*task.actions, *implied)
