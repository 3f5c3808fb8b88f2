import os
import signal

import pytest

from irnet_hw.train.stop import Stop


@pytest.mark.parametrize(
    ("number", "ending"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_is_a_request(number, ending):
    before = signal.getsignal(number)
    with Stop(active=True) as stop:
        assert stop.asked is None
        os.kill(os.getpid(), number)
        assert stop.asked == number
        with pytest.raises(ending):
            stop.end()
    assert signal.getsignal(number) is before


def test_the_second_signal_ends_at_once():
    with pytest.raises(KeyboardInterrupt), Stop(active=True):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)


def test_does_nothing_if_not_active():
    with Stop(active=False) as stop, pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    assert stop.asked is None


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Stop(active=True) as stop:
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked is None
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
