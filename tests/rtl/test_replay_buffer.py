"""How replay_buffer is mapped; its function is tested within the matrix-vector units."""

import pytest

from irnet_hw.share import share
from irnet_hw.synthesise.yosys import READ, cells_area
from tests.yosys import mapped


@pytest.mark.parametrize(("beats", "blocks"), [(64, 0), (65, 1)])
def test_up_to_128_beats_are_in_luts(beats, blocks):
    script = (
        f"{READ} --top replay_buffer -G W=8 -G BEATS={beats} -G PASSES=2 replay_buffer.sv\n"
        "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -top replay_buffer\n"
        "tee -q -o stat.json stat -json\n"
    )
    source = share("rtl") / "mvau" / "replay_buffer.sv"
    cells = mapped({source.name: source.read_text()}, script)["design"]["num_cells_by_type"]
    assert cells_area("replay_buffer", cells)["BRAM18"] == blocks
