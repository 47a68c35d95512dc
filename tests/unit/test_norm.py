"""The norm with its gradient written out, against PyTorch's."""

import pytest
import torch
from torch.nn.functional import rms_norm
from torch.utils._python_dispatch import TorchDispatchMode

from uniscale.models.common.norm import EPS, ROWS, RMSNorm


@pytest.mark.parametrize("shape", [(2, 4, 7), (0, 7), (2, ROWS - 1, 7)])
def test_values_and_gradients_are_those_of_pytorch(shape):
    torch.manual_seed(0)
    x, grad = 3 * torch.randn(shape), torch.randn(shape)
    layer = RMSNorm(7)
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(0.5, 2.0, 7))
    x_ours, x_theirs = (x.clone().requires_grad_() for _ in range(2))
    weight = layer.weight.detach().clone().requires_grad_()
    y_ours, y_theirs = layer(x_ours), rms_norm(x_theirs, (7,), weight, EPS)
    torch.testing.assert_close(y_ours, y_theirs)
    y_ours.backward(grad)
    y_theirs.backward(grad)
    torch.testing.assert_close(x_ours.grad, x_theirs.grad)
    torch.testing.assert_close(layer.weight.grad, weight.grad, rtol=1e-5, atol=1e-4)


def test_a_zero_vector_stays_zero_with_a_finite_gradient():
    layer, x = RMSNorm(5), torch.zeros(2, 5, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert not y.any()
    assert torch.isfinite(x.grad).all()


def test_half_precision_is_normed_in_single_precision():
    x = (1e4 * torch.randn(4, 64)).bfloat16()
    y = RMSNorm(64)(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y, RMSNorm(64)(x.float()).bfloat16())


class _Launches(TorchDispatchMode):
    """Counts operators, each of which is a launch or a few on an accelerator."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, operator, types, arguments=(), options=None):
        self.count += 1
        return operator(*arguments, **(options or {}))


def test_off_the_cpu_the_number_of_launches_does_not_grow_with_the_rows():
    layer = RMSNorm(8).to("meta")
    launches = []
    for rows in (1, 100 * ROWS):
        x = torch.empty(rows, 8, device="meta", requires_grad=True)
        with _Launches() as seen:
            layer(x).sum().backward()
        launches.append(seen.count)
    assert 0 < launches[0] == launches[1]
