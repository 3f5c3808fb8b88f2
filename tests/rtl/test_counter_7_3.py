import pytest

from tests.rtl.twins import DIFFERENT, EQUAL, prove

pytestmark = pytest.mark.yosys


def test_primitives_count(tmp_path):
    said = prove(tmp_path, "counter_7_3", "-G WIDTH=2")
    assert EQUAL in said, said[-4000:]


def test_the_proof_finds_a_wrong_table(tmp_path):
    said = prove(
        tmp_path, "counter_7_3", "-G WIDTH=2", lambda text: text.replace("/ 2 == 2", "/ 2 == 0")
    )
    assert DIFFERENT in said, said[-4000:]
