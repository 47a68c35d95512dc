"""HyFormer: sequences, queries, reading and boosting by hand; what reaches what in which layer; what an item costs."""

from dataclasses import replace

import pytest
import torch
from support_models import (
    DOMAINS,
    inputs_of,
    pad_columns,
    random_batch,
    random_labels,
    scatter_weights,
    take_request,
)
from torch.nn.functional import gelu
from torch.utils.flop_counter import FlopCounterMode

from uniscale.models.common.layout import OneRequest, RequestLayout
from uniscale.models.hyformer import ENCODERS, Actions, HyFormer, HyFormerConfig, HyFormerLayer, QueryDecoding
from uniscale.models.loss import ranking_loss
from uniscale.models.zoo import SIZES, build_model

CONFIG = HyFormerConfig.of(SIZES["xs"])
SMALL = replace(CONFIG, num_tokens=6, num_queries=2, width=12)
HISTORY = ("items", "categories", "brands", "actions", "domains", "hours")


def built(config):
    torch.manual_seed(0)
    numeric = build_model("dlrm", "xs", DOMAINS).numeric
    return scatter_weights(HyFormer(config, size="xs", domains=DOMAINS, numeric=numeric)).eval()


def actions(num_requests=2, length=5, width=12, known=(5, 2)):
    is_known = torch.arange(length) < torch.tensor(known).unsqueeze(1)
    return Actions(rows_RLD=torch.randn(num_requests, length, width), is_known_RL=is_known)


def permuted(batch, order):
    """The batch with the columns of its history in another order."""
    names = [f"history_{what}_RL" for what in HISTORY]
    return replace(batch, **{name: getattr(batch, name)[:, order] for name in names})


def test_a_sequence_holds_its_actions_newest_first_and_each_action_is_in_one():
    model, batch = built(CONFIG), random_batch()
    rows = model.encode(inputs_of(model, batch).actions_RLC)
    here, elsewhere = model._sequences(inputs_of(model, batch))
    for request, domain in enumerate(batch.domain_R.tolist()):
        places = [p for p in range(12) if batch.history_actions_RL[request, p] > 0]
        own = [p for p in places if batch.history_domains_RL[request, p] == domain + 1]
        for sequence, members in ((here, own), (elsewhere, [p for p in places if p not in own])):
            assert sequence.is_known_RL[request].tolist() == [i < len(members) for i in range(12)]
            torch.testing.assert_close(sequence.rows_RLD[request, : len(members)], rows[request, members])
    assert here.is_known_RL.any()
    assert elsewhere.is_known_RL.any()


def test_a_query_is_a_network_of_all_tokens_and_the_mean_of_its_own_sequence():
    model, batch = built(CONFIG), random_batch(sizes=(2, 3, 1))
    inputs = inputs_of(model, batch)
    tokens, sequences, make = model.tokenizer(inputs), model._sequences(inputs), model.queries
    queries = make(tokens, sequences)
    assert queries.shape == (4, 6, CONFIG.width)
    for item, request in enumerate(batch.request_of_item_N.tolist()):
        for query in range(4):
            sequence, part = sequences[query // 2], slice(query * CONFIG.width, (query + 1) * CONFIG.width)
            known = sequence.rows_RLD[request][sequence.is_known_RL[request]]
            mean = known.mean(0) if len(known) else torch.zeros(CONFIG.width)
            everything = torch.cat([tokens.request_TRD[:, request].flatten(), tokens.item_TND[:, item].flatten(), mean])
            from_sequence = make.from_sequence.weight_TDO[query].T
            weight = torch.cat([make.from_request.weight[part], make.from_item.weight[part], from_sequence], 1)
            hidden = gelu(weight @ everything + make.from_request.bias[part] + make.from_item.bias[part])
            expected = hidden @ make.out.weight_TDO[query] + make.out.bias_T1O[query, 0]
            torch.testing.assert_close(queries[query, item], expected, rtol=1e-4, atol=1e-5)


def test_a_query_reads_the_known_rows_of_its_request_and_a_silent_place():
    torch.manual_seed(0)
    decode, sequence, owners = QueryDecoding(12), actions(3, known=(5, 2, 0)), [2, 0, 1, 0]
    for parameter in decode.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    queries = torch.randn(2, 4, 12)
    read = decode(queries, sequence, RequestLayout(torch.tensor(owners), 3))
    width = 12 // decode.num_heads
    for item, request in enumerate(owners):
        rows = decode.norm_rows(sequence.rows_RLD[request][sequence.is_known_RL[request]])
        keys, values = (torch.cat([part(rows), torch.zeros(1, 12)]) for part in (decode.key, decode.value))
        for query in range(2):
            asked, answer = decode.query(decode.norm(queries[query, item])), []
            for head in (slice(h * width, (h + 1) * width) for h in range(decode.num_heads)):
                share = torch.softmax(keys[:, head] @ asked[head] / width**0.5, 0)
                answer.append(share @ values[:, head])
            expected = queries[query, item] + decode.out(torch.cat(answer))
            torch.testing.assert_close(read[query, item], expected, rtol=1e-4, atol=1e-5)


def test_boosting_gives_token_t_part_t_of_every_token_and_a_network_of_its_own():
    torch.manual_seed(0)
    layer, layout = HyFormerLayer(SMALL), RequestLayout(torch.tensor([0, 1, 1]), 2)
    x, sequences = torch.randn(6, 3, 12), [actions(), actions()]
    boosted, encoded = layer(x, sequences, layout)
    decoded = layer.decode(x, encoded, layout)
    assert torch.equal(decoded[4:], x[4:])
    for item in range(3):
        for token in range(6):
            mixed = layer.norm(torch.cat([decoded[t, item, 2 * token : 2 * token + 2] for t in range(6)]))
            up, down = layer.ffn.up, layer.ffn.down
            hidden = gelu(mixed @ up.weight_TDO[token] + up.bias_T1O[token, 0])
            expected = decoded[token, item] + hidden @ down.weight_TDO[token] + down.bias_T1O[token, 0]
            torch.testing.assert_close(boosted[token, item], expected, rtol=1e-4, atol=1e-5)


def test_a_sequence_reaches_the_queries_of_another_by_boosting_only():
    model, batch = built(CONFIG), random_batch()
    inputs = inputs_of(model, batch)
    tokens, (own, other) = model.tokenizer(inputs), model._sequences(inputs)
    changed = replace(other, rows_RLD=other.rows_RLD.flip(2))

    def decoded(sequences):
        """The queries of the first sequence after reading, in the first layer and in the second."""
        x, after = torch.cat([model.queries(tokens, sequences), tokens.values()]), []
        for layer in model.layers:
            encoded = [encode(part) for encode, part in zip(layer.encoders, sequences, strict=True)]
            after.append(layer.decode(x, encoded, inputs.layout)[: CONFIG.num_queries])
            x, sequences = layer(x, sequences, inputs.layout)
        return after

    (first, second), (first_changed, second_changed) = decoded([own, other]), decoded([own, changed])
    assert torch.equal(first, first_changed)
    has_other = other.is_known_RL.any(1)[batch.request_of_item_N]
    assert (second - second_changed).abs().amax((0, 2))[has_other].min() > 1e-4


@pytest.mark.parametrize(("encoder", "reads_order"), [("swiglu", False), ("transformer", False), ("longer", True)])
def test_the_order_of_a_sequence_tells_what_is_recent_and_nothing_else(encoder, reads_order):
    model, batch = built(replace(CONFIG, encoder=encoder, num_recent=2)), random_batch()
    moved = permuted(batch, torch.arange(12).flip(0))
    difference = (model(moved) - model(batch)).abs().max()
    assert (difference > 1e-3) if reads_order else (difference < 1e-4)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_trains_all_of_the_model_and_ignores_padding(encoder):
    model, batch = built(replace(CONFIG, encoder=encoder, num_recent=4)), random_batch()
    logits = model(batch)
    torch.testing.assert_close(model(pad_columns(batch, 5)), logits, rtol=1e-4, atol=1e-4)
    alone = torch.cat([model(take_request(batch, request)) for request in range(len(batch.domain_R))])
    torch.testing.assert_close(alone, logits, rtol=1e-4, atol=1e-4)
    ranking_loss(logits, random_labels(batch)).backward()
    assert all(p.grad.to_dense().any() for p in model.parameters())


def layer_flops(config, *, length, num_items):
    """Of a layer on one request, on tensors without numbers."""
    with torch.device("meta"):
        layer, rows = HyFormerLayer(config), torch.empty(1, length, config.width)
        sequence = Actions(rows_RLD=rows, is_known_RL=torch.ones(1, length, dtype=torch.bool))
        x = torch.empty(config.num_tokens, num_items, config.width)
    with FlopCounterMode(display=False) as counter:
        layer(x, [sequence, sequence], OneRequest(num_items))
    return counter.get_total_flops()


@pytest.mark.parametrize(("encoder", "kept"), [("transformer", 20), ("longer", 8), ("swiglu", 20)])
def test_keys_and_values_are_paid_per_request_and_queries_per_item(encoder, kept):
    config, length, num_items = replace(SMALL, encoder=encoder, num_recent=8), 20, 7
    width, num_queries = config.width, config.num_queries
    encoded = {
        "transformer": 24 * length * width**2 + 4 * length**2 * width,
        "longer": (20 * kept + 4 * length) * width**2 + 4 * kept * length * width,
        "swiglu": 12 * length * width**2,
    }[encoder]
    per_request = 2 * (encoded + 4 * kept * width**2)
    read = num_queries * (4 * width**2 + 4 * (kept + 1) * width)
    per_item = 2 * read + 16 * config.num_tokens * width**2
    assert layer_flops(config, length=length, num_items=num_items) == per_request + num_items * per_item


def test_senseless_configurations_are_refused():
    for change, message in (
        ({"num_tokens": 12}, "num_tokens=12 does not divide width=32"),
        ({"num_tokens": 4}, "num_tokens=4 leaves fewer than 2 after num_queries=2"),
        ({"encoder": "lstm"}, "encoder='lstm' is not one of transformer, longer, swiglu"),
        ({"num_queries": 0}, "num_queries=0 must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(CONFIG, **change)
