"""Numeric features: standardised, with a flag for missing values."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LIMIT = 6.0
"""Standardised values are cut here: one absurd value must not throw a whole batch off."""


class NumericEncoder(nn.Module):
    """[X, given features] with NaN where missing -> [X, 2 F]: standardised values, then flags for missing ones.

    A missing value is 0 and its flag is 1.

    Mean and standard deviation are buffers that `fit` sets; they are saved with the model. Features are read by name:
    what was added to the frames after a model was trained passes it by.
    """

    def __init__(self, names: tuple[str, ...], given: tuple[str, ...]) -> None:
        """Make the encoder.

        Args:
            names: Features that are read, F of them.
            given: Features that the input holds, in its order.

        Raises:
            ValueError: The input does not hold a feature that is read.
        """
        super().__init__()
        missing = [name for name in names if name not in given]
        if missing:
            raise ValueError(f"the model reads the features {missing}, which the frames do not hold; train it again")
        self.num_features = len(names)
        self._columns = None if names == given else [given.index(name) for name in names]
        self.register_buffer("mean_F", torch.zeros(len(names)))
        self.register_buffer("std_F", torch.ones(len(names)))

    @torch.no_grad()
    def fit(self, x_XF: Tensor) -> None:
        """Take mean and standard deviation of the values that are there; a constant or absent feature keeps std 1."""
        x_XF = self._read(x_XF)
        known_XF = ~torch.isnan(x_XF)
        count_F = known_XF.sum(0)
        mean_F = torch.nan_to_num(x_XF).sum(0) / count_F.clamp(min=1)
        variance_F = torch.where(known_XF, (x_XF - mean_F) ** 2, 0.0).sum(0) / count_F.clamp(min=1)
        self.mean_F.copy_(mean_F)
        self.std_F.copy_(torch.where(variance_F > 1e-12, variance_F.sqrt(), 1.0))

    def forward(self, x_XF: Tensor) -> Tensor:
        """[X, given features] -> [X, 2 F]."""
        x_XF = self._read(x_XF)
        missing_XF = torch.isnan(x_XF)
        scaled_XF = ((x_XF - self.mean_F) / self.std_F).clamp(-LIMIT, LIMIT)
        return torch.cat([scaled_XF.masked_fill(missing_XF, 0.0), missing_XF.to(x_XF.dtype)], dim=1)

    def _read(self, x_XG: Tensor) -> Tensor:
        return x_XG if self._columns is None else x_XG[:, self._columns]
