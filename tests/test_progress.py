import io
import re

from rich.console import Console

from irnet_hw import progress
from irnet_hw.progress import Status, say, track


def test_items_pass_unchanged(capsys):
    assert list(track(iter("abc"), "spelling", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().out == ""


def test_log_gets_plain_lines(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LOG_INTERVAL", 0.0)
    status = Status()
    for item in track(range(2), "training", 2, "epochs", status):
        status.text = f"loss {item}"
    first, last = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"training: 1/2, \S+ epochs/s, \d+ s left  loss 0", first)
    assert re.fullmatch(r"training: 2/2, \S+ epochs/s, 0 s left  loss 1", last)


def test_log_is_not_flooded(capsys):
    list(track(range(1000), "counting", 1000))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("counting: 1000/1000, ")


def test_nothing_to_do(capsys):
    assert list(track([], "waiting", 0)) == []
    assert capsys.readouterr().err == ""


def test_terminal_gets_a_bar(monkeypatch):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    status = Status()
    for item in track(range(3), "training", 3, "epochs", status):
        status.text = f"loss {item}"
    print(repr(screen.getvalue()))
    last = screen.getvalue().splitlines()[-1]
    for part in ("training", "3/3", "epochs/s", "loss 2"):
        assert part in last


def test_say_goes_to_stderr(capsys):
    say("hello")
    assert capsys.readouterr() == ("", "hello\n")
