"""The reports have UG906's form; the samples were written for these tests."""

import pytest

from irnet_hw.artifact.resources import Area
from irnet_hw.bitstream.vivado_reports import area, clock, tool
from irnet_hw.errors import UserError

LINE = "-" * 96
#: For set-up, hold and pulse width: worst slack, total slack, failing endpoints, all endpoints.
COLUMNS = [
    *("WNS(ns)", "TNS(ns)", "TNS Failing Endpoints", "TNS Total Endpoints"),
    *("WHS(ns)", "THS(ns)", "THS Failing Endpoints", "THS Total Endpoints"),
    *("WPWS(ns)", "TPWS(ns)", "TPWS Failing Endpoints", "TPWS Total Endpoints"),
]
VALUES = [
    "2.000",
    "0.000",
    "0",
    "41234",
    "0.021",
    "0.000",
    "0",
    "41234",
    "3.750",
    "0.000",
    "0",
    "20123",
]
SLACKS = "\n".join(
    "  ".join(f"{text:>{len(name) + 3}}" for name, text in zip(COLUMNS, row, strict=True)) + "  "
    for row in (COLUMNS, ["-" * len(name) for name in COLUMNS], VALUES)
)
TIMING = f"""\
{LINE}
| Tool Version      : Vivado v.2023.2 (lin64) Build 1234567 Thu Jan  1 00:00:00 MST 2026
| Command           : report_timing_summary -file timing.rpt
| Design            : system_wrapper
{LINE}

Timing Summary Report

{LINE}
| Timer Settings
| --------------
{LINE}

  Enable Multi Corner Analysis               :  Yes

check_timing report

1. checking no_clock (0)
------------------------
 There are 0 register/latch pins with no clock.

{LINE}
| Design Timing Summary
| ---------------------
{LINE}

{SLACKS}


All user specified timing constraints are met.


{LINE}
| Clock Summary
| -------------
{LINE}

Clock       Waveform(ns)       Period(ns)      Frequency(MHz)
-----       ------------       ----------      --------------
clk_fpga_0  {{0.000 5.000}}      10.000          100.000


{LINE}
| Intra Clock Table
| -----------------
{LINE}

Clock             WNS(ns)      TNS(ns)  TNS Failing Endpoints
-----             -------      -------  ---------------------
clk_fpga_0          1.250        0.000                      0
"""
UTILISATION = """\
| Tool Version : Vivado v.2023.2 (lin64) Build 1234567 Thu Jan  1 00:00:00 MST 2026
| Design State : Routed

1. Slice Logic
--------------

+----------------------------+-------+-------+------------+-----------+-------+
|          Site Type         |  Used | Fixed | Prohibited | Available | Util% |
+----------------------------+-------+-------+------------+-----------+-------+
| Slice LUTs                 | 12345 |     0 |          0 |     53200 | 23.20 |
|   LUT as Logic             | 11345 |     0 |          0 |     53200 | 21.33 |
|   LUT as Memory            |  1000 |     0 |          0 |     17400 |  5.75 |
| Slice Registers            | 15678 |     0 |          0 |    106400 | 14.73 |
|   Register as Flip Flop    | 15678 |     0 |          0 |    106400 | 14.73 |
+----------------------------+-------+-------+------------+-----------+-------+

3. Memory
---------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    | 10.5 |     0 |          0 |       140 |  7.50 |
|   RAMB36/FIFO*    |    9 |     0 |          0 |       140 |  6.43 |
|   RAMB18          |    3 |     0 |          0 |       280 |  1.07 |
+-------------------+------+-------+------------+-----------+-------+

4. DSP
------

+----------------+------+-------+------------+-----------+-------+
|    Site Type   | Used | Fixed | Prohibited | Available | Util% |
+----------------+------+-------+------------+-----------+-------+
| DSPs           |   32 |     0 |          0 |       220 | 14.55 |
|   DSP48E1 only |   32 |       |            |           |       |
+----------------+------+-------+------------+-----------+-------+
"""


def test_the_clock_that_is_reached():
    assert clock(TIMING) == 125.0
    assert clock(TIMING.replace(" 2.000 ", " -2.500 ")) == 80.0
    assert tool(TIMING) == "Vivado 2023.2"


def test_the_area_of_either_family():
    counts = Area(LUT=12345, FF=15678, BRAM18=21, DSP=32)
    assert area(UTILISATION) == counts
    assert area(UTILISATION.replace("| Slice ", "| CLB   ").replace("CLB   ", "CLB ")) == counts
    assert area(UTILISATION.replace("Slice LUTs  ", "Slice LUTs* ")) == counts
    assert area(UTILISATION.replace("|          0 |", "|")) == counts  # before 2020


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            (" 0.021 ", " -0.100 "),
            "timing.rpt: worst hold slack -0.1 ns, worst pulse width slack 3.75 ns, "
            "must not be negative; the bitstream would be wrong at any clock",
        ),
        (
            (" 3.750 ", " -0.250 "),
            "timing.rpt: worst hold slack 0.021 ns, worst pulse width slack -0.25 ns, "
            "must not be negative; the bitstream would be wrong at any clock",
        ),
        ((" 2.000 ", " NA "), "timing.rpt: has no slacks under Design Timing "
         "Summary"),
        (("| Design Timing Summary\n", "| Summary\n"), "timing.rpt: has no slacks under Design "
         "Timing Summary"),
        (
            ("clk_fpga_0  {", "clk_fpga_1  {0.000 4.000}      8.000           125.000\nother  {"),
            "timing.rpt: has the clocks [clk_fpga_1, other], must have exactly one",
        ),
        (("clk_fpga_0  {", "# {"), "timing.rpt: has the clocks [], must have exactly one"),
    ],
)  # fmt: skip
def test_a_timing_report_that_says_no_clock(edit, message):
    changed = TIMING.replace(*edit)
    assert changed != TIMING
    if edit[1] == "# {":
        changed = changed.replace("# {0.000 5.000}      10.000          100.000", "")
    with pytest.raises(UserError) as error:
        clock(changed)
    assert str(error.value) == message


def test_reports_of_another_form_are_refused():
    with pytest.raises(UserError) as error:
        area(UTILISATION.replace("| Block RAM Tile ", "| Tiles          "))
    assert str(error.value) == "utilisation.rpt: has no row Block RAM Tile"
    with pytest.raises(UserError) as error:
        area("")
    assert str(error.value) == "utilisation.rpt: has no row Slice LUTs or CLB LUTs"
    with pytest.raises(UserError) as error:
        tool("")
    assert str(error.value) == "timing.rpt: does not say which Vivado wrote it"
