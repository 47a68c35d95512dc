"""Which code a result comes from: what has to change before a step is done again, or a day built again.

Of a module counts all of this project that it imports, wherever it does so, with the SQL and YAML next to these
modules; of a folder all of its sources. So a change of the page retrains no ranker, and one of the rankers builds no
sample again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from uniscale.checkout import PROJECT_ROOT, source_files

CODE = {
    "land": ("uniscale.sources.landing",),
    "marts": ("uniscale.warehouse.build", "dbt_project/"),
    "samples": ("uniscale.es3.build",),
    "frames": ("uniscale.features.training_frames.build", "feature_repo/"),
    "materialize": ("uniscale.features.online.materialize", "uniscale.serving.example", "feature_repo/"),
    "ranker": ("ray_jobs.worker",),
    "train": ("ray_jobs.train",),
    "evaluate": ("uniscale.decision.judge",),
    "promote": ("uniscale.decision.judge",),
    "skew": ("uniscale.serving.shadow", "uniscale.serving.skew", "feature_repo/"),
    "monitor": ("monitoring.daily",),
    "page": ("monitoring.page", "monitoring/"),
}
"""By result: modules, and folders with a slash at their end. A ``ranker`` is what step ``train`` trains and finds."""

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ ]+(?P<package>[\w.]+)[ ]+import[ ]+(?P<names>\([^)]*\)|[^\n]+)|import[ ]+(?P<module>[\w.]+))",
    re.MULTILINE,
)
_OURS = ("uniscale", "ray_jobs", "monitoring", "feature_repo")


@cache
def code_of(result: str) -> str:
    """Hash of the code that a result comes from.

    Args:
        result: One of `CODE`.
    """
    digest = hashlib.sha256()
    for path in sorted({path for part in CODE[result] for path in files_of(part)}):
        digest.update(str(path.relative_to(PROJECT_ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def files_of(part: str) -> set[Path]:
    """The source files that a module, or a folder with a slash at its end, stands for.

    Raises:
        ValueError: There is no such module or folder.
    """
    if part.endswith("/"):
        return set(source_files(PROJECT_ROOT / part))
    waiting = [*_modules(part)]
    if not waiting:
        raise ValueError(f"no module is called {part!r}")
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [module for name in _imported(path) for module in _modules(name)]
    folders = {path.parent for path in found}
    return found | {path for folder in folders for path in source_files(folder) if _is_data_of(path, folder)}


def _is_data_of(path: Path, package: Path) -> bool:
    """Whether a file is SQL, YAML and the like of a package, and of no package within it."""
    if path.suffix == ".py":
        return False
    between = path.parents[: path.parents.index(package)] if path.parent != package else ()
    return not any((folder / "__init__.py").is_file() for folder in between)


@cache
def _imported(path: Path) -> tuple[str, ...]:
    """Names of this project that a file imports, each of which may be a module or something in one."""
    names = []
    for found in _IMPORT.finditer(path.read_text(encoding="utf-8")):
        package = found["package"] or found["module"]
        if package.split(".")[0] in _OURS:
            names.append(package)
            names += [f"{package}.{name}" for name in re.findall(r"\w+", found["names"] or "")]
    return tuple(names)


def _modules(name: str) -> Iterator[Path]:
    """The file of a module, if there is one of this name, and those of the packages around it."""
    place = PROJECT_ROOT.joinpath(*name.split("."))
    own = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    if own.is_file():
        yield own
        for folder in own.relative_to(PROJECT_ROOT).parents:
            package = PROJECT_ROOT / folder / "__init__.py"
            if package.is_file():
                yield package
