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
    return _swap(_parts(x_TND)).flatten(2)


def _parts(x_TND: Tensor) -> Tensor:
    """Cut each token into one part per token, [T, N, T, C]."""
    return x_TND.unflatten(2, (x_TND.shape[0], -1))


def _swap(x_TNPC: Tensor) -> Tensor:
    """Part p of token t becomes part t of token p; a view."""
    return x_TNPC.transpose(0, 2)


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
        x_TNPC = _parts(x_TND)
        # The sum reads the swapped parts where they are: mixing itself copies nothing.
        s_TND = self.norm_mixed((x_TNPC + _swap(x_TNPC)).flatten(2))
        out: Tensor = self.norm_out(self.ffn(s_TND) + s_TND)
        return out
