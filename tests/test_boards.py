from dataclasses import replace

import pytest

from irnet_hw import boards
from irnet_hw.boards import known_boards, load_board
from irnet_hw.errors import UserError

GOOD = """
title = "Home made"
part = "xc7a35tcpg236-1"
family = "xc7"
vivado_board = ""
clock_mhz = 50.0
address_bits = 32
register_base = 0x40000000
[resources]
LUT = 20800
FF = 41600
BRAM18 = 100
DSP = 90
[reserve]
LUT = 0.1
"""


def test_the_boards_are_what_their_documentation_says():
    assert known_boards() == ["aup-zu3", "kv260", "pynq-z2", "zcu104"]
    middle, module, small, large = map(load_board, known_boards())
    assert (small.part, small.family, small.clock_mhz) == ("xc7z020clg400-1", "xc7", 100.0)
    assert small.resources == {"LUT": 53200, "FF": 106400, "BRAM18": 280, "DSP": 220}
    assert large.part == "xczu7ev-ffvc1156-2-e"
    assert large.resources == {
        "LUT": 230400,
        "FF": 460800,
        "BRAM18": 624,
        "URAM": 96,
        "DSP": 1728,
    }
    assert (small.address_bits, small.register_base) == (32, 0x4000_0000)
    assert (middle.part, middle.clock_mhz) == ("xczu3eg-sfvc784-2-e", 187.5)
    assert middle.resources == {"LUT": 70560, "FF": 141120, "BRAM18": 432, "DSP": 360}
    assert (module.part, module.clock_mhz) == ("xck26-sfvc784-2LV-c", 150.0)
    assert module.resources == {
        "LUT": 117120,
        "FF": 234240,
        "BRAM18": 288,
        "URAM": 64,
        "DSP": 1248,
    }
    for board in (middle, module, large):
        assert (board.family, board.address_bits) == ("xcup", 40)
        assert board.register_base == 0xA000_0000
        assert board.reserve == small.reserve == {"LUT": 0.2}


@pytest.mark.parametrize("name", ["pynq-z1", "", "../boards/pynq-z2"])
def test_an_unknown_board_is_refused_with_the_known_ones(name):
    with pytest.raises(UserError) as error:
        load_board(name)
    assert str(error.value) == f"board: {name}, must be one of aup-zu3, kv260, pynq-z2, zcu104"


def test_a_board_runs_at_another_clock():
    assert load_board("pynq-z2", 125.0) == replace(load_board("pynq-z2"), clock_mhz=125.0)


@pytest.mark.parametrize("clock", [0.0, -100.0, 501.0, float("nan"), float("inf")])
def test_a_clock_out_of_range_is_refused(clock):
    with pytest.raises(UserError) as error:
        load_board("pynq-z2", clock)
    assert str(error.value) == f"clock: {clock:g} MHz, must be from 1 to 500 MHz"


@pytest.fixture
def home_made(tmp_path, monkeypatch):
    monkeypatch.setattr(boards, "share", lambda _: tmp_path)
    path = tmp_path / "home-made" / "board.toml"
    path.parent.mkdir()
    return path


def test_a_board_needs_only_its_folder(home_made):
    home_made.write_text(GOOD)
    assert known_boards() == ["home-made"]
    assert load_board("home-made").resources["LUT"] == 20800


def test_what_is_in_reserve_is_not_usable(home_made):
    home_made.write_text(GOOD)
    usable = {"LUT": 18720, "FF": 41600, "BRAM18": 100, "DSP": 90}
    assert load_board("home-made").usable == usable


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("clock_mhz = 50.0", "clock_mhz = '50'", "clock_mhz = '50', must be a float"),
        ("part =", "parts =", "part = None, must be a str"),
        ("_bits = 32", "_bits = 64", "address_bits = 64, must be from 32 to 49"),
        ("0x40000000", "0x40000004", "register_base = 0x40000004, must be a multiple of 4096"),
        ("clock_mhz", "colour = 1\nclock_mhz", "colour is unknown, must be one of title, part, "
         "family, clock_mhz, vivado_board, address_bits, register_base, resources, reserve"),
        ("DSP = 90", "", "resources must state DSP"),
        ("DSP = 90", "DSP = -1", "resources.DSP = -1, must be a number of units"),
        ("DSP = 90", "DSP = 9.5", "resources.DSP = 9.5, must be a number of units"),
        ("[reserve]\nLUT = 0.1", "", "reserve = None, must be a dict"),
        ("LUT = 0.1", "URAM = 0.1", "reserve.URAM names a resource that the board lacks"),
        ("LUT = 0.1", "LUT = 1.0", "reserve.LUT = 1.0, must be 0.0 to below 1.0"),
        ("LUT = 0.1", "LUT = 1", "reserve.LUT = 1, must be 0.0 to below 1.0"),
    ],
)  # fmt: skip
def test_a_wrong_board_file_is_refused(home_made, old, new, message):
    home_made.write_text(GOOD.replace(old, new))
    with pytest.raises(UserError) as error:
        load_board("home-made")
    assert str(error.value) == f"{home_made}: {message}"


def test_a_board_file_that_is_no_toml_is_refused(home_made):
    home_made.write_text("part = ")
    with pytest.raises(UserError) as error:
        load_board("home-made")
    assert str(error.value).startswith(f"{home_made}: is not TOML: ")
