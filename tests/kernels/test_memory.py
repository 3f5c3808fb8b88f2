import pytest

from irnet_hw.kernels.memory import block_ram, block_rom, block_rom_luts


@pytest.mark.parametrize(
    ("depth", "width", "blocks"),
    [
        (512, 36, 1),
        (512, 37, 2),
        (600, 100, 6),
        (1536, 40, 4),
        (4608, 10, 3),
        (5120, 8, 3),
        (8192, 32, 15),
        (8192, 72, 32),
    ],
)
def test_block_rams_are_those_that_yosys_takes(depth, width, blocks):
    """Results of Yosys 0.70 for read-only memories of random words on xc7."""
    assert block_rom(depth, width) == blocks


def test_words_that_are_written_are_whole_bytes():
    assert block_ram(4224, 8) == 3
    assert block_rom(4224, 8) == 2


def test_logic_selects_among_words_that_stand_side_by_side():
    assert block_rom_luts(16384, 1) == block_rom_luts(512, 36) == 0
    assert block_rom_luts(8192, 32) == 32
    assert block_rom_luts(8192, 72) == 72
