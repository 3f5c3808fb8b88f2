import pytest

from irnet_hw.errors import UserError
from irnet_hw.toml import NotTomlError, toml_file, toml_text


def test_what_is_no_toml():
    with pytest.raises(NotTomlError) as error:
        toml_text("epochs 3", "a.toml")
    assert str(error.value) == (
        "a.toml: is not TOML: Expected '=' after a key in a key/value pair (at line 1, column 8)"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = " + "[" * 5000, "nests more than 64 deep"),
        ("a = " + "[" * 65 + "]" * 65, "nests more than 64 deep"),
        (f"[{'.'.join('a' * 65)}]", "nests more than 64 deep"),
        (f"a = {'9' * 5000}", "holds an integer that does not fit 64 bits"),
        (f"[b]\na = {'9' * 50}", "b.a holds an integer that does not fit 64 bits"),
        ("a = [1, -inf]", "a holds -inf, must be a finite number"),
        ('a = "\\u0000"', "a holds a string with a NUL character, '\\x00'"),
        ("#" * 2**21, "has more than 1,048,576 bytes"),
    ],
)
def test_what_is_refused(tmp_path, text, reason):
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        toml_file(path)
    assert str(error.value) == f"{path}: {reason}"


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert toml_file(path) == {"a": 1}
