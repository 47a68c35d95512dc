"""Colours of the dashboard: told apart by every kind of colour vision, and readable, by day and by night."""

import re
from itertools import combinations

import numpy as np
import pytest

from uniscale.checkout import PROJECT_ROOT

_SHEET = (PROJECT_ROOT / "uniscale" / "ui" / "static" / "ui.css").read_text(encoding="utf-8")
_LIGHT, _DARK = re.findall(r":root \{(.*?)\}", _SHEET, flags=re.DOTALL)
VISION = {  # Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
SERIES = (("champion", "challenger"), ("better", "worse"))


def colours(theme: str) -> dict[str, np.ndarray]:
    found = re.findall(r"--([\w-]+): #([0-9a-f]{6})", _LIGHT if theme == "light" else _DARK)
    known = {name: np.array([int(hexed[i : i + 2], 16) for i in (0, 2, 4)]) / 255 for name, hexed in found}
    return {name: np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) for name, rgb in known.items()}


def lab(linear: np.ndarray) -> np.ndarray:
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    scaled = (np.array(to_xyz) @ np.clip(linear, 0, 1)) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def luminance(linear: np.ndarray) -> float:
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("vision", VISION)
def test_series_and_verdicts_are_told_apart_by_every_colour_vision(theme, vision):
    known = colours(theme)
    seen = {name: lab(np.array(VISION[vision]) @ rgb) for name, rgb in known.items()}
    for one, other in SERIES:
        assert np.linalg.norm(seen[one] - seen[other]) > 20, (one, other)  # 2.3 is just noticeable


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_degrees_of_a_heat_map_rise_in_lightness_one_way(theme):
    known = colours(theme)
    levels = [lab(known[f"d{degree}"])[0] for degree in range(6)]
    assert sorted(levels, reverse=theme == "light") == levels
    assert all(abs(a - b) > 5 for a, b in combinations(levels, 2))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ink", ["ink", "soft", "accent", "better", "worse", "warn"])
def test_words_stand_out_from_cards_and_pages(theme, ink):
    known = colours(theme)
    for paper in ("card", "page"):
        bright, dark = sorted((luminance(known[ink]), luminance(known[paper])), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, paper  # WCAG 2.2, AA


def test_no_style_is_fetched_from_elsewhere():
    assert "url(" not in _SHEET and "@import" not in _SHEET
