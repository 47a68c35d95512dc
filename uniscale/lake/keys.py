"""Keys of inputs: what is built again when they change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def input_key(inputs: Mapping[str, Any]) -> str:
    """Hash of what a result depends on; ``inputs`` must be JSON-like (dates and paths are written as text)."""
    text = json.dumps(inputs, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
