"""What an accelerator's sources may contain, since somebody else may have written them.

A simulator does what a source tells it to: SystemVerilog has ``$system``, calls to C and file
access. So a library module must equal the installed one, byte for byte, and a generated module may
use only the part of the language that describes hardware. Both are checked before any tool reads a
source: whatever is to be compiled is opened by :func:`open_for_tools`.
"""

import re
from itertools import pairwise
from pathlib import Path

from irnet_hw import __version__
from irnet_hw.artifact.folder import open_build
from irnet_hw.artifact.manifest import Manifest
from irnet_hw.errors import UserError
from irnet_hw.read import file_bytes, shown
from irnet_hw.verilog.library import library
from irnet_hw.verilog.writer import KEEP_HIERARCHY

#: The largest size of a source or hex file, in bytes.
_MOST = 2**30
#: The reserved words of IEEE 1800-2017, without those that describe hardware.
_REFUSED = frozenset(
    """
accept_on alias always always_latch and assert assume before bind bins binsof break buf bufif0
bufif1 casex cell chandle checker class clocking cmos config const constraint context continue
cover covergroup coverpoint cross deassign defparam design disable dist do edge endchecker
endclass endclocking endconfig endgroup endinterface endpackage endprimitive endprogram
endproperty endsequence endspecify endtable endtask event eventually expect export extends
extern final first_match force foreach forever fork forkjoin global highz0 highz1 iff ifnone
ignore_bins illegal_bins implements implies import incdir include initial inout instance
interconnect interface intersect join join_any join_none large let liblist library local
macromodule matches medium modport nand nettype new nexttime nmos nor noshowcancelled not notif0
notif1 null package pmos primitive program property protected pull0 pull1 pulldown pullup
pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real realtime
ref reg reject_on release repeat restrict rnmos rpmos rtran rtranif0 rtranif1 s_always
s_eventually s_nexttime s_until s_until_with scalared sequence shortreal showcancelled small
soft solve specify specparam static string strong strong0 strong1 super supply0 supply1
sync_accept_on sync_reject_on table tagged task this throughout time timeprecision timeunit tran
tranif0 tranif1 tri tri0 tri1 triand trior trireg type union unique0 until until_with untyped
use uwire var vectored virtual wait wait_order wand weak weak0 weak1 while wildcard with within
wor xnor xor
""".split()  # noqa: SIM905
)
#: What a comment must not contain: tools treat some comments as directives.
_ORDERS = re.compile(
    r"verilator|synopsys|synthesis|translate|pragma|slang|yosys|vivado|xilinx", re.I
)
_TOKEN = re.compile(
    r"""(?P<comment>//[ -~]*)
    |(?P<attribute>\(\*[^\n]*?\*\))
    |(?P<text>"[A-Za-z0-9_.]*")
    |(?P<directive>`(?:ifdef[ ]IRNET_TAPS|endif)\b)
    |(?P<function>\$(?:clog2|signed|unsigned|bits|countones)\b)
    |(?P<number>[0-9][0-9_]*(?:'s?[bdhBDH][0-9A-Fa-f_]+)?|'s?[bdhBDH][0-9A-Fa-f_]+|'[01])
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>[\]\[{}).,;:=+\-&|^~!<>?@\#'%\ \t\n]|\((?!\*)|\*(?![/)]))
    """,
    re.VERBOSE,
)


def open_for_tools(folder: Path) -> Manifest:
    """Return the manifest of an accelerator's folder whose sources are to be compiled.

    Raises:
        UserError: as from :func:`~irnet_hw.artifact.folder.open_build`, or a source is not
            trusted.
    """
    manifest = open_build(folder)
    require_trusted(folder, manifest)
    return manifest


def require_trusted(folder: Path, manifest: Manifest) -> None:
    """Refuse an accelerator whose sources are not trusted.

    Args:
        folder: the accelerator's.
        manifest: its manifest.

    Raises:
        UserError: a library module is not the installed one, or a generated source or hex file
            contains something that irnet-hw doesn't write.
    """
    ours = library()
    for path in (folder / file for file in manifest.files):
        found = file_bytes(path, _MOST)
        if path.stem not in ours:
            _check_generated(path, found)
        elif found != ours[path.stem].read_bytes():
            raise UserError(
                f"{path}: is not the module of irnet-hw {__version__}; the folder was built by "
                "another version, build it again"
            )
    for path in (folder / file for file in manifest.data):
        wrong = file_bytes(path, _MOST).translate(None, b"0123456789abcdef\n")
        if wrong:
            raise UserError(
                f"{path}: contains {shown(chr(wrong[0]))}, must be words of hexadecimal digits, "
                "one per line; build it again"
            )


def _check_generated(path: Path, content: bytes) -> None:
    """Refuse a source that irnet-hw can't have generated."""
    text = content.decode("latin-1")
    place, words = 0, []
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise _refused(path, text, place, re.match(r"\W?\w*", text[place:])[0])  # type: ignore[index]
        token = found[0]
        if (
            (found.lastgroup == "comment" and _ORDERS.search(token))
            or (found.lastgroup == "attribute" and token != KEEP_HIERARCHY)
            or (found.lastgroup == "word" and token in _REFUSED)
        ):
            raise _refused(path, text, place, token)
        if found.lastgroup == "word":
            words.append(token)
        place = found.end()
    # A module with another name could replace one from the library.
    named = [after for word, after in pairwise(words) if word == "module"]
    if named != [path.stem]:
        raise UserError(
            f"{path}: defines the modules [{', '.join(named)}], must define only {path.stem}; "
            "build it again"
        )


def _refused(path: Path, text: str, place: int, token: str) -> UserError:
    line = text.count("\n", 0, place) + 1
    return UserError(
        f"{path}: line {line} contains {shown(token)}, which irnet-hw never writes; build it "
        "again, and don't trust whoever gave you this file"
    )
