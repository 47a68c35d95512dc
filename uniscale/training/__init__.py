"""The training loop, optimisers and checkpoints, without Ray."""
