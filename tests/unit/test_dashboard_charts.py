"""Pictures show what they are given, no more and no less, whatever it is called."""

from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from uniscale.ui.charts.bars import bar_chart, column_chart
from uniscale.ui.charts.heat import Cell, heat_map
from uniscale.ui.charts.intervals import Interval, interval_chart
from uniscale.ui.charts.lines import Line, Mark, Point, difference_chart, line_chart
from uniscale.ui.charts.svg import Days, Scale, number

DS = date(2026, 1, 7)
EVIL = '"><script>alert(1)</script>&amp;'


def points(*values, standing=""):
    return [
        Point(
            ds=DS + timedelta(days=day),
            value=value,
            low=None if value is None else value - 1,
            high=value and value + 1,
            standing=standing,
        )
        for day, value in enumerate(values)
    ]


def drawn(picture):
    return ElementTree.fromstring(str(picture))


def of_class(picture, name):
    return [part for part in drawn(picture).iter() if name in part.get("class", "").split()]


def test_what_has_no_value_is_not_drawn_and_breaks_the_line():
    picture = line_chart([Line(name="champion", style="champion", points=points(1.0, 2.0, None, 3.0, 4.0))], "GAUC")
    assert len(of_class(picture, "line")) == 2
    assert len(of_class(picture, "dot")) == 4
    assert line_chart([Line(name="champion", style="champion", points=points(None, None))], "GAUC") is None
    assert difference_chart(points(None), "GAUC") is None


def test_a_single_day_is_a_point_with_its_interval():
    picture = line_chart([Line(name="champion", style="champion", points=points(1.0))], "GAUC")
    assert len(of_class(picture, "dot")) == len(of_class(picture, "whisker")) == 1
    assert not of_class(picture, "line")


def test_a_thin_difference_is_never_drawn_as_certain():
    picture = difference_chart(points(5.0, standing="thin"), "GAUC")
    assert of_class(picture, "thin")
    assert not of_class(picture, "better") and not of_class(picture, "worse")


def test_a_point_lies_where_its_value_says():
    scale = Scale(low=0.0, high=10.0, start=100.0, end=0.0)
    assert (scale(0.0), scale(10.0), scale(2.5)) == (100.0, 0.0, 75.0)
    days = Days(first=DS, last=DS + timedelta(days=4), start=0.0, end=40.0)
    assert days(DS + timedelta(days=1)) == 10.0
    assert days.ticks(5)[-1] == DS + timedelta(days=4)


@pytest.mark.parametrize(
    ("value", "written"), [(0.0, "0"), (1234.6, "1,235"), (0.65, "0.65"), (37.66, "37.7"), (-12.0, "-12")]
)
def test_numbers_have_as_many_digits_as_count(value, written):
    assert number(value) == written


@pytest.mark.parametrize(
    "picture",
    [
        lambda: line_chart([Line(name=EVIL, style="champion", points=points(1.0, 2.0))], EVIL,
                           marks=[Mark(ds=DS, sign="▲", style="promoted", said=EVIL, href=EVIL)]),
        lambda: bar_chart({EVIL: 1.0}, EVIL),
        lambda: column_chart([DS], {EVIL: [1.0]}, EVIL),
        lambda: interval_chart([Interval(name=EVIL, value=1.0, low=0.0, high=2.0, standing="unsure", said=EVIL)], EVIL),
        lambda: heat_map({EVIL: {DS: Cell(strength=0.5, words=EVIL, said=EVIL)}}, [DS], EVIL, row_href={EVIL: EVIL}),
    ],
)  # fmt: skip
def test_names_from_logs_stay_text(picture):
    assert "<script" not in str(picture())
    assert not [part for part in drawn(picture()).iter() if part.tag == "script"]


def test_a_heat_map_tells_unknown_from_none():
    cells = {"a": {DS: Cell(strength=None, words="-", said="")}, "b": {DS: Cell(strength=0.0, words="0", said="")}}
    picture = heat_map(cells, [DS], "drift")
    assert len(of_class(picture, "unknown")) == len(of_class(picture, "degree-0")) == 2
    assert heat_map({}, [DS], "drift") is None


def test_parts_of_a_column_add_up_to_its_height():
    picture = column_chart([DS, DS + timedelta(days=1)], {"a": [1.0, 2.0], "b": [3.0, 0.0]}, "rows")
    heights = {name: [float(part.get("height")) for part in of_class(picture, name)] for name in ("part-0", "part-1")}
    assert heights["part-1"][0] == pytest.approx(3 * heights["part-0"][0], rel=0.01)
    assert len(heights["part-1"]) == 1  # nothing is drawn of nothing
