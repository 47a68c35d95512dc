"""Numeric features: standardised, with a flag for missing values."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LIMIT = 6.0
"""Standardised values are cut here: one absurd value must not throw a whole batch off."""


class NumericEncoder(nn.Module):
    """[X, F] with NaN where missing -> [X, 2 F]: standardised values (0 where missing), then flags (1 where missing).

    Mean and standard deviation are buffers that `fit` sets; they are saved with the model.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.register_buffer("mean_F", torch.zeros(num_features))
        self.register_buffer("std_F", torch.ones(num_features))

    @torch.no_grad()
    def fit(self, x_XF: Tensor) -> None:
        """Take mean and standard deviation of the values that are there; a constant or absent feature keeps std 1."""
        known_XF = ~torch.isnan(x_XF)
        count_F = known_XF.sum(0)
        mean_F = torch.nan_to_num(x_XF).sum(0) / count_F.clamp(min=1)
        variance_F = torch.where(known_XF, (x_XF - mean_F) ** 2, 0.0).sum(0) / count_F.clamp(min=1)
        self.mean_F.copy_(mean_F)
        self.std_F.copy_(torch.where(variance_F > 1e-12, variance_F.sqrt(), 1.0))

    def forward(self, x_XF: Tensor) -> Tensor:
        """[X, F] -> [X, 2 F]."""
        missing_XF = torch.isnan(x_XF)
        scaled_XF = ((x_XF - self.mean_F) / self.std_F).clamp(-LIMIT, LIMIT)
        return torch.cat([scaled_XF.masked_fill(missing_XF, 0.0), missing_XF.to(x_XF.dtype)], dim=1)
