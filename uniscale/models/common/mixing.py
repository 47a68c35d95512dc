"""Token mixing without parameters, and the block around it (RankMixer, arXiv 2507.15551, eq. 1 and 3 to 5).

Letters: N items, T tokens, D token width.
"""

from __future__ import annotations

from torch import Tensor, nn


def check_mixing(num_tokens: int, width: int) -> None:
    """Refuse token counts that do not divide the width: each token is cut into one part per token.

    Raises:
        ValueError: They do not; the message lists token counts that do.
    """
    if num_tokens < 1 or width % num_tokens:
        fitting = ", ".join(str(count) for count in range(1, width + 1) if width % count == 0)
        raise ValueError(f"num_tokens={num_tokens} does not divide width={width}; token counts that do: {fitting}")


def mix_tokens(x_TND: Tensor) -> Tensor:
    """Token t of the output holds part t of every token, in order; doing it twice gives the input back.

    Args:
        x_TND: Tokens; T divides D.

    Returns:
        [T, N, D].
    """
    num_tokens, num_items, width = x_TND.shape
    x_TNPC = x_TND.reshape(num_tokens, num_items, num_tokens, width // num_tokens)
    return x_TNPC.permute(2, 1, 0, 3).reshape(num_tokens, num_items, width)


class MixerBlock(nn.Module):
    """``S = LN(mix(X) + X)``, then ``LN(ffn(S) + S)``.

    Args:
        num_tokens: T, divides D.
        width: D.
        ffn: [T, N, D] -> [T, N, D], with weights of its own per token.
    """

    def __init__(self, num_tokens: int, width: int, ffn: nn.Module) -> None:
        super().__init__()
        check_mixing(num_tokens, width)
        self.ffn = ffn
        self.norm_mixed = nn.LayerNorm(width)
        self.norm_out = nn.LayerNorm(width)

    def forward(self, x_TND: Tensor) -> Tensor:
        """[T, N, D] -> [T, N, D]."""
        s_TND = self.norm_mixed(mix_tokens(x_TND) + x_TND)
        out: Tensor = self.norm_out(self.ffn(s_TND) + s_TND)
        return out
