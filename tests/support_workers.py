"""Processes that train: forked from one that has imported what they need, which takes longer than what they do."""

import multiprocessing

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        *("pytest", "torch", "uniscale.data.collate", "uniscale.data.loader", "uniscale.data.frame_store"),
        *("uniscale.models.zoo", "uniscale.training.checkpoint", "uniscale.training.loop", "uniscale.training.sync"),
    ]
)
