"""From joined feature rows to model input: one code for training, evaluation and serving."""
