"""Networks per token answer and learn the same, token by token or in batched products."""

import pytest
import torch

from uniscale.models.common.token_ffn import TokenMlp, TokenSwiGlu

T, N, D, H, W = 4, 10, 8, 12, 6


def network(kind, dtype=torch.float32):
    torch.manual_seed(0)
    layer = kind(T, D, H, W).to(dtype)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer


def batched(layer, x_TND):
    return layer.down(layer.activation.batched(layer.up(x_TND)))


@pytest.mark.parametrize("kind", [TokenMlp, TokenSwiGlu])
@pytest.mark.parametrize("layout", ["tokens first", "items first", "the same for all tokens"])
def test_token_by_token_equals_batched_products(kind, layout):
    layer = network(kind)
    x_TND = {
        "tokens first": torch.randn(T, N, D),
        "items first": torch.randn(N, T, D).transpose(0, 1),
        "the same for all tokens": torch.randn(1, N, D).expand(T, -1, -1),
    }[layout].requires_grad_()
    expected_TNW = batched(layer, x_TND)
    grad_TNW = torch.randn(N, W).expand(T, -1, -1)
    inputs = (x_TND, *layer.parameters())
    expected = torch.autograd.grad(expected_TNW, inputs, grad_TNW)
    torch.testing.assert_close(layer(x_TND), expected_TNW)
    torch.testing.assert_close(torch.autograd.grad(layer(x_TND), inputs, grad_TNW), expected)
    with torch.no_grad():
        torch.testing.assert_close(layer(x_TND), expected_TNW)


@pytest.mark.parametrize("kind", [TokenMlp, TokenSwiGlu])
def test_gradients_are_those_of_finite_differences(kind):
    layer = network(kind, torch.float64)
    names, parameters = zip(*layer.named_parameters(), strict=True)

    def answer(x_TND, *values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (x_TND,))

    x_TND = torch.randn(T, 3, D, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(answer, (x_TND, *parameters), fast_mode=True)


@pytest.mark.parametrize("kind", [TokenMlp, TokenSwiGlu])
def test_no_items_have_no_answer_and_no_gradient(kind):
    layer = network(kind)
    out_TNW = layer(torch.randn(T, 0, D))
    assert out_TNW.shape == (T, 0, W)
    out_TNW.sum().backward()
    assert all((parameter.grad == 0).all() for parameter in layer.parameters())


@pytest.mark.parametrize("kind", [TokenMlp, TokenSwiGlu])
def test_autocast_computes_products_in_bf16(kind):
    layer = network(kind)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(T, N, D)).dtype == torch.bfloat16
