"""Rewrite golden loss curves and sizes: `python -m tests.golden.regenerate [MODEL ...]`; read the diff then."""

import sys
from pathlib import Path

from tests.support_models import dense_params, loss_curve
from uniscale.models.zoo import MODELS

CURVES = Path(__file__).parent / "curves"
SIZES = Path(__file__).parent / "sizes"


def main() -> None:
    for folder in (CURVES, SIZES):
        folder.mkdir(exist_ok=True)
    for name in sys.argv[1:] or MODELS:
        curve = loss_curve(name)
        lines = [f"{step} {loss!r}\n" for step, loss in enumerate(curve)]
        (CURVES / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
        sizes = [f"{size} {count}\n" for size, count in dense_params(name).items()]
        (SIZES / f"{name}.txt").write_text("".join(sizes), encoding="utf-8")


if __name__ == "__main__":
    main()
