import io
import re

from rich.console import Console

from irnet_hw import progress
from irnet_hw.progress import Status, say, stages, track


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
    shown = screen.getvalue()
    for part in ("training", "3/3", "epochs/s", "loss 2"):
        assert part in shown


def test_stages_in_a_log(capsys, monkeypatch):
    with stages("seed 1", 2) as show:
        show(0, "placing")
        show(0, "placing, pass 1")  # too soon after the line before
        show(1, "routing")
        monkeypatch.setattr(progress, "LOG_INTERVAL", 0.0)
        show(1, "routing, pass 1")
    assert re.sub(r", \d+ s$", "", capsys.readouterr().err, flags=re.MULTILINE).splitlines() == [
        *("seed 1: placing", "seed 1: routing", "seed 1: routing, pass 1")
    ]


def test_stages_on_a_terminal(monkeypatch):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    with stages("seed 1", 2) as show:
        show(1, "routing, pass 1")
    shown = screen.getvalue()
    for part in ("seed 1", "routing, pass 1", "2/2"):
        assert part in shown


def test_say_goes_to_stderr(capsys):
    say("hello")
    assert capsys.readouterr() == ("", "hello\n")
