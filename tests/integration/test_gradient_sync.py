"""Two processes exchange the gradients of tables of different widths."""

import torch
import torch.distributed as dist
from support_models import DOMAINS, random_batch, random_labels, take_request
from support_workers import PROCESSES

from uniscale.batch.tensors import Labels
from uniscale.models.loss import ranking_loss
from uniscale.models.zoo import build_model
from uniscale.training.sync import GradientSync


def gradients(requests, world_size):
    """Gradients after the exchange, of a worker with these requests of a batch; and the widths of the tables."""
    torch.manual_seed(0)
    model, batch = build_model("msn", "xs", DOMAINS).train(), random_batch(sizes=(5, 4, 3, 6))
    labels = random_labels(batch)
    for request in requests:
        kept = batch.request_of_item_N == request
        mine = Labels(targets_NK=labels.targets_NK[kept], weight_N=labels.weight_N[kept], place_N=labels.place_N[kept])
        ranking_loss(model(take_request(batch, request)), mine, total_weight=labels.weight_N.sum()).backward()
    sync = GradientSync(model.dense_parameters(), model.embedding_parameters(), world_size)
    sync(torch.zeros(1))
    return [p.grad.to_dense() for p in model.parameters()], {t.shape[1] for t in model.embedding_parameters()}


def work(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    found, _ = gradients([2 * rank, 2 * rank + 1], 2)
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_workers_get_the_gradients_of_one_for_tables_of_two_widths(tmp_path):
    workers = [PROCESSES.Process(target=work, args=(rank, str(tmp_path))) for rank in range(2)]
    for worker in workers:
        worker.start()
    alone, widths = gradients(range(4), 1)
    for worker in workers:
        worker.join(120)
    assert len(widths) == 2
    for rank in range(2):
        together = torch.load(tmp_path / f"{rank}.pt")
        for left, right in zip(together, alone, strict=True):
            torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-7)
