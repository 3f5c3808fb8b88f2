import pytest

from irnet_hw.data.classes import difference

WANTED = ["cat", "dog", "owl"]


def test_the_same_classes_do_not_differ():
    assert difference(tuple(WANTED), WANTED, "pets", "last.pt") is None


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            ["cat", "owl", "dog"],
            "class 1 is 'owl', but 'dog' in last.pt: the same classes in another order",
        ),
        (["cat", "Dog", "owl"], "class 1 is 'Dog', but 'dog' in last.pt"),
        (["cat", "dog"], "class 2 is missing, but 'owl' in last.pt: 2 classes, but 3"),
        (
            ["cat", "dog", "owl", "elk"],
            "class 3 is 'elk', but missing in last.pt: 4 classes, but 3",
        ),
        (["0", "1", "2"], "class 0 is '0', but 'cat' in last.pt"),
        (["c\nat", "dog", "owl"], "class 0 is 'c\\nat', but 'cat' in last.pt"),
    ],
)
def test_what_differs_is_named(found, message):
    assert difference(found, WANTED, "pets", "last.pt") == f"pets: {message}"
