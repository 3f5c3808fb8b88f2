import json
from pathlib import Path

import pytest
from finn.transformation.general import ApplyConfig

from irnet_hw.artifact.names import FOLDING
from irnet_hw.boards import load_board
from irnet_hw.compiler.emission.specialize import Specialize
from irnet_hw.compiler.finn_quiet import quiet
from irnet_hw.compiler.folding import config as folding_config
from irnet_hw.compiler.folding.fold import fold
from irnet_hw.compiler.folding.links import InsertStreams
from irnet_hw.compiler.graph import op
from irnet_hw.errors import UserError
from tests.compiler.hardware import resnet

BOARD = load_board("pynq-z2")


def model():
    return resnet((6, 6, 3), (4,))


def write(path: Path, content: object) -> Path:
    file = path / "folds.json"
    file.write_text(json.dumps(content))
    return file


def pins(file: Path, graph):
    return folding_config.pins(file, folding_config.read(file), graph, BOARD.part)


def node(graph, name: str):
    (found,) = (node for node in graph.graph.node if node.name == name)
    return op(found)


def test_pins_are_fixed_and_the_rest_is_searched(tmp_path: Path) -> None:
    graph = model()
    file = write(
        tmp_path,
        {
            "Defaults": {"ram_style": ["block", ["SlidingWindow_rtl"]], "PE": [2, "all"]},
            "BinaryMVAU_rtl_0": {"PE": 4, "SIMD": 9, "parallel_window": 1},
        },
    )
    folding = fold(graph, BOARD, 10_000, pins(file, graph))
    assert folding.fps >= 10_000
    unit, window = node(graph, "BinaryMVAU_rtl_0"), node(graph, "SlidingWindow_rtl_1")
    assert (unit.number("PE"), unit.number("SIMD"), unit.number("parallel_window")) == (4, 9, 1)
    assert window.get_nodeattr("ram_style") == "block"
    assert (window.number("SIMD"), window.number("parallel_window")) == (1, 1)
    stem, join = node(graph, "IntMVAU_rtl_0"), node(graph, "ResidualJoin_rtl_0")
    assert stem.number("PE") == join.number("PE") == 2


def test_a_build_can_be_repeated_from_what_it_wrote(tmp_path: Path) -> None:
    first, second = model(), model()
    text = fold(first, BOARD, 50_000).config
    file = tmp_path / FOLDING
    file.write_text(text)
    assert fold(second, BOARD, 1.0, pins(file, second)).config == text
    for one, other in zip(first.graph.node, second.graph.node, strict=True):
        assert one.SerializeToString() == other.SerializeToString()


def test_finn_applies_what_a_build_wrote(tmp_path: Path) -> None:
    """The names are those of the finished graph."""
    found, plain = model(), model()
    file = tmp_path / FOLDING
    file.write_text(fold(found, BOARD, 50_000).config)
    with quiet():
        plain = plain.transform(Specialize(BOARD.part, []))
        found = found.transform(InsertStreams()).transform(Specialize(BOARD.part, []))
        plain = plain.transform(ApplyConfig(str(file)))
    names = [name for name in json.loads(file.read_text()) if name != "Defaults"]
    assert len(names) == len(plain.graph.node)
    for name in names:
        for key in folding_config.STYLES.keys() | {"PE", "SIMD", "lanes", "parallel_window"}:
            if key in node(found, name).get_nodeattr_types():
                right = node(found, name).get_nodeattr(key)
                assert node(plain, name).get_nodeattr(key) == right


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "must be an object of nodes' names and their attributes"),
        ({"IntMVAU_rtl_0": 4}, "IntMVAU_rtl_0 = 4, must be an object of attributes"),
        (
            {"conv0": {}},
            "conv0 is unknown, must be one of SlidingWindow_rtl_0, IntMVAU_rtl_0, "
            "Requantise_rtl_0, StreamFork_rtl_0, SlidingWindow_rtl_1, BinaryMVAU_rtl_0, "
            "ResidualJoin_rtl_0, GlobalSumPool_rtl_0, Requantise_rtl_1, IntMVAU_rtl_1",
        ),
        (
            {"IntMVAU_rtl_0": {"PE": 3}},
            "IntMVAU_rtl_0: PE = 3, must be one of 1, 2, 4",
        ),
        (
            {"SlidingWindow_rtl_0": {"PE": 1}},
            "SlidingWindow_rtl_0: PE can't be fixed, must be one of SIMD, parallel_window, "
            "ram_style",
        ),
        (
            {"BinaryMVAU_rtl_0": {"ram_style": "ultra"}},
            "BinaryMVAU_rtl_0: ram_style = 'ultra', must be one of distributed, block, tables",
        ),
        (
            {"IntMVAU_rtl_0": {"PE": True}},
            "IntMVAU_rtl_0: PE = True, must be one of 1, 2, 4",
        ),
        (
            {"IntMVAU_rtl_0": {"PE": "2"}},
            "IntMVAU_rtl_0: PE = '2', must be one of 1, 2, 4",
        ),
        (
            {"Requantise_rtl_0": {"PE": 4, "mulStyle": "dsp"}},
            "Requantise_rtl_0: PE = 4, mulStyle = dsp are legal separately, but not together",
        ),
        (
            {"BinaryMVAU_rtl_0": {"SIMD": 4, "parallel_window": 1}},
            "BinaryMVAU_rtl_0: SIMD = 4, parallel_window = 1 are legal separately, but not "
            "together",
        ),
        (
            {"Defaults": {"PE": 4}},
            'Defaults.PE = 4, must be [value, [op, ...], ...] or [value, "all"]',
        ),
        (
            {"Defaults": {"PE": [4, 2]}},
            'Defaults.PE = [4, 2], must be [value, [op, ...], ...] or [value, "all"]',
        ),
        (
            {"Defaults": {"ram_stile": ["block", "all"]}},
            "Defaults: ram_stile can't be fixed, must be one of SIMD, parallel_window, ram_style, "
            "PE, dspStyle, mulStyle, lanes",
        ),
        (
            {"Defaults": {"PE": [8, ["BinaryMVAU_rtl"]]}},
            "BinaryMVAU_rtl_0: PE = 8, must be one of 1, 2, 4",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: object, message: str) -> None:
    file = write(tmp_path, content)
    with pytest.raises(UserError) as caught:
        pins(file, model())
    assert str(caught.value) == f"{file}: {message}"


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        folding_config.read(tmp_path / "none.json")
    assert str(caught.value) == f"{tmp_path}/none.json: can't be read: No such file or directory"
    with pytest.raises(UserError) as caught:
        folding_config.read(tmp_path)
    assert str(caught.value) == f"{tmp_path}: can't be read: Is a directory"
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(UserError) as caught:
        folding_config.read(tmp_path / "bad.json")
    assert str(caught.value).startswith(f"{tmp_path}/bad.json: is not JSON: ")


def test_pins_that_exclude_each_other_are_refused() -> None:
    """A window has the lanes of its unit."""
    graph = model()
    pins = {"BinaryMVAU_rtl_0": {"SIMD": 2}, "SlidingWindow_rtl_1": {"SIMD": 4}}
    with pytest.raises(UserError) as caught:
        fold(graph, BOARD, 1000, pins)
    assert str(caught.value) == (
        "folding-config: SlidingWindow_rtl_1 (SIMD = 4) feeds BinaryMVAU_rtl_0 "
        "(SIMD = 2) directly, and no fold of the one suits the other's; must leave "
        "lanes and parallel_window that agree"
    )
