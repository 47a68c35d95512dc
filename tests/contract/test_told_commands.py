"""Every command that the README and the pages tell people to type is one, with the options it has."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from uniscale.checkout import PROJECT_ROOT
from uniscale.cli.main import app

PAGES = [
    PROJECT_ROOT / "README.md",
    PROJECT_ROOT / ".ci" / "demo",
    *sorted((PROJECT_ROOT / "docs").glob("*.md")),
    *sorted((PROJECT_ROOT / "docs" / "runbooks").glob("*.md")),
]


def commands(page: Path) -> list[str]:
    """Lines of code that call the command, without their comments; patterns such as [--to DS] are left out."""
    texts = [re.sub(r"^say [\"'](.*?)[\"'] \".*", r"\1", line.strip()) for line in page.read_text().splitlines()]
    lines = [re.split(r"\s+#|\s{3,}| && ", text)[0] for text in texts]
    return [line for line in lines if line.startswith("uniscale ") and not re.search(r"[\[\]|<`]|\.\.\.| \\$", line)]


FOR_EXAMPLE = {"DS": "2026-01-11", "$DS": "2026-01-11", "SET": "expedia"}
TOLD = [(page.name, line) for page in PAGES for line in commands(page)]


def test_commands_were_found():
    assert len(TOLD) > 40
    assert {"README.md", "demo", "ingest.md"} <= {page for page, _ in TOLD}


@pytest.mark.parametrize(("page", "line"), TOLD, ids=lambda value: str(value)[:40])
def test_a_told_command_can_be_typed(page, line):
    command = typer.main.get_command(app)
    words = [FOR_EXAMPLE.get(word, word) for word in shlex.split(line)[1:]]
    while isinstance(command, TyperGroup):
        assert words[0] in command.commands
        command = command.commands[words.pop(0)]
    command.make_context(line, words)
