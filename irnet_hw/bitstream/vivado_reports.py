"""Vivado's reports, as UG906 documents them: report_timing_summary and report_utilization."""

import re

from irnet_hw.artifact.resources import Area
from irnet_hw.errors import UserError

#: The rows of the utilisation report for each of our resources; the second name is UltraScale+'s.
#: The block RAM row counts blocks of 36 Kib, in halves.
_ROWS = {
    "LUT": (("Slice LUTs", "CLB LUTs"), 1),
    "FF": (("Slice Registers", "CLB Registers"), 1),
    "BRAM18": (("Block RAM Tile",), 2),
    "DSP": (("DSPs",), 1),
}
_TOOL = re.compile(r"^\| Tool Version *: (Vivado) v\.(\S+)", re.MULTILINE)
_NUMBER = r"-?\d+\.\d+"
#: WNS, TNS, two counts; the same for hold; the same for pulse widths.
_SLACKS = re.compile(
    rf"^ +({_NUMBER}) +{_NUMBER} +\d+ +\d+ +({_NUMBER}) +{_NUMBER} +\d+ +\d+ +({_NUMBER})",
    re.MULTILINE,
)
_CLOCK = re.compile(rf"^(\S+) +\{{[^}}]*\}} +({_NUMBER}) +{_NUMBER} *$", re.MULTILINE)


def clock(report: str) -> float:
    """Return the clock in MHz that a routed design reaches.

    Args:
        report: the output of report_timing_summary.

    Raises:
        UserError: it does not have the documented form or exactly one clock, or hold times or pulse
            widths are violated, which no lower clock can fix.
    """
    slacks = _SLACKS.search(_section(report, "Design Timing Summary"))
    clocks = _CLOCK.findall(_section(report, "Clock Summary"))
    if slacks is None:
        raise UserError("timing.rpt: has no slacks under Design Timing Summary")
    if len(clocks) != 1:
        names = ", ".join(name for name, _ in clocks)
        raise UserError(f"timing.rpt: has the clocks [{names}], must have exactly one")
    setup, hold, pulse = map(float, slacks.groups())
    if hold < 0 or pulse < 0:
        raise UserError(
            f"timing.rpt: worst hold slack {hold} ns, worst pulse width slack {pulse} ns, "
            "must not be negative; the bitstream would be wrong at any clock"
        )
    return 1000 / (float(clocks[0][1]) - setup)


def area(report: str) -> Area:
    """Return the area of a routed design.

    Args:
        report: the output of report_utilization.

    Raises:
        UserError: it does not have the documented form.
    """
    found = {}
    for kind, (names, each) in _ROWS.items():
        row = re.search(rf"^\| (?:{'|'.join(names)})\*? +\| +(\d+(?:\.5)?) ", report, re.MULTILINE)
        if row is None:
            raise UserError(f"utilisation.rpt: has no row {' or '.join(names)}")
        found[kind] = int(float(row[1]) * each)
    return Area.of(found)


def tool(report: str) -> str:
    """Return the name and version of the Vivado that wrote a report.

    Raises:
        UserError: it does not have the documented form.
    """
    found = _TOOL.search(report)
    if found is None:
        raise UserError("timing.rpt: does not say which Vivado wrote it")
    return " ".join(found.groups())


def _section(report: str, title: str) -> str:
    """Return the text below a section's title, up to the next one."""
    return report.partition(f"\n| {title}\n")[2].partition("\n| ")[0]
