import pytest

from tests.rtl.twins import DIFFERENT, EQUAL, prove

pytestmark = pytest.mark.yosys


def test_primitives_find_majorities(tmp_path):
    said = prove(tmp_path, "majorities")
    assert EQUAL in said, said[-4000:]


def test_the_proof_finds_a_wrong_table(tmp_path):
    said = prove(
        tmp_path,
        "majorities",
        primitives=lambda text: text.replace("inverted) > 1", "inverted) > 0"),
    )
    assert DIFFERENT in said, said[-4000:]
