"""Write the golden loss curves anew: `python -m tests.golden.regenerate`. Read the diff before committing it."""

from pathlib import Path

from tests.support_models import loss_curve
from uniscale.models.zoo import MODELS

CURVES = Path(__file__).parent / "curves"


def main() -> None:
    CURVES.mkdir(exist_ok=True)
    for name in MODELS:
        curve = loss_curve(name)
        lines = [f"{step} {loss!r}\n" for step, loss in enumerate(curve)]
        (CURVES / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
