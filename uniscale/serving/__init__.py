"""The ranking look-up: model input of a request in milliseconds, logged, and recomputed at night."""
