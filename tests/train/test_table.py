from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irnet_hw.errors import UserError
from irnet_hw.toml import toml_text
from irnet_hw.train import table


@dataclass
class Inner:
    size: int


@dataclass
class Example:
    flag: bool
    count: int
    rate: float
    name: str
    sizes: list[int]
    inner: Inner


GOOD = {
    "flag": True,
    "count": 3,
    "rate": 0.5,
    "name": "x",
    "sizes": [1, 2],
    "inner": Inner(4),
}


def test_builds():
    assert table.build(Example, GOOD, "a.toml") == Example(True, 3, 0.5, "x", [1, 2], Inner(4))


def test_an_integer_can_stand_for_a_number():
    rate = table.build(Example, GOOD | {"rate": 2}, "a.toml").rate
    assert type(rate) is float
    assert rate == 2


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("flag", 1, "a.toml: m.flag = 1: must be true or false"),
        ("count", True, "a.toml: m.count = true: must be an integer"),
        ("count", 3.0, "a.toml: m.count = 3.0: must be an integer"),
        ("count", "3", 'a.toml: m.count = "3": must be an integer'),
        ("rate", "fast", 'a.toml: m.rate = "fast": must be a finite number'),
        ("rate", float("inf"), "a.toml: m.rate = Infinity: must be a finite number"),
        ("name", ["x"], 'a.toml: m.name = ["x"]: must be a string'),
        ("sizes", 4, "a.toml: m.sizes = 4: must be a list of integers"),
        ("sizes", [4, 1.5], "a.toml: m.sizes = [4, 1.5]: must be a list of integers"),
        (
            "colour",
            "red",
            'a.toml: m.colour = "red": no such key; '
            "the keys are m.flag, m.count, m.rate, m.name, m.sizes, m.inner",
        ),
    ],
)
def test_refuses(key, value, message):
    with pytest.raises(UserError) as error:
        table.build(Example, GOOD | {key: value}, "a.toml", "m.")
    assert str(error.value) == message


def test_refuses_a_missing_key():
    with pytest.raises(UserError) as error:
        table.build(Inner, {}, "a.toml")
    assert str(error.value) == "a.toml: size: is missing"


def test_what_is_missing_has_its_default():
    @dataclass
    class Defaults:
        size: int
        rate: float = 0.5
        sizes: list[int] = field(default_factory=lambda: [1, 2])

    assert table.build(Defaults, {"size": 3, "rate": 2}, "a.toml") == Defaults(3, 2.0, [1, 2])


@pytest.mark.parametrize(
    ("assignment", "changed"),
    [
        ("a=2", {"a": 2, "b": {"c": 3}}),
        ("a = 1e-4", {"a": 1e-4, "b": {"c": 3}}),
        ("b.c=[true, false]", {"a": 1, "b": {"c": [True, False]}}),
        ("b.d=some words", {"a": 1, "b": {"c": 3, "d": "some words"}}),
        ('a="2"', {"a": "2", "b": {"c": 3}}),
        ("a=x=y", {"a": "x=y", "b": {"c": 3}}),
        ("a=", {"a": "", "b": {"c": 3}}),
    ],
)
def test_overrides(assignment, changed):
    content = {"a": 1, "b": {"c": 3}}
    table.override(content, [assignment])
    assert content == changed


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("a", "--set a: must be key=value"),
        ("=3", "--set =3: must be key=value"),
        ("a.c=3", "--set a.c=3: a is a value, not a table"),
    ],
)
def test_refuses_to_override(assignment, message):
    with pytest.raises(UserError) as error:
        table.override({"a": 1}, [assignment])
    assert str(error.value) == message


keys = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
scalars = [
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    st.floats(allow_nan=False, allow_infinity=False),
]
flat = st.dictionaries(keys, st.one_of(*scalars, *map(st.lists, scalars)), max_size=5)


@given(flat, flat)
def test_what_is_written_reads_the_same(outer, inner):
    content = {key: value for key, value in outer.items() if key != "inner"} | {"inner": inner}
    assert toml_text(table.write(content), "a.toml") == content
