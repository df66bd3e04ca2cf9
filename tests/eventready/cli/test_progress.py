import dataclasses
import io
import sys

import pytest

from eventready.cli import progress as progress_module
from eventready.cli.progress import ProgressLine, describe, describe_alarm, duration
from eventready.protocol.estimate import Estimate
from eventready.stations.monitor import Progress
from eventready.stations.monitors.alarm import Alarm

HALFWAY = Progress(
    5000, 10_000, 8 * 60 + 18.2, 2.0, 2500.0, Estimate(2.649, 0.088, 2.4766, 2.8214), Estimate(0.0187, 0.0039, 0.0122, 0.0281)
)
KEY_RUN = Progress(5000, 10_000, 8 * 60 + 18.2, 2.0, 2500.0, None, None)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_line_tells_rounds_rate_s_q_time_and_time_to_go():
    assert describe(HALFWAY) == (
        "5,000/10,000 rounds (50%)  2,500/s  S 2.649 +- 0.088  Q 1.87% +- 0.39%  experiment 8 min 18 s  2.0 s to go"
    )


def test_a_line_of_a_key_run_tells_neither_s_nor_q():
    assert describe(KEY_RUN) == "5,000/10,000 rounds (50%)  2,500/s  experiment 8 min 18 s  2.0 s to go"


def test_before_the_first_round_nobody_knows_how_long_it_takes():
    assert describe(Progress(0, 10, 0.0, 1.0, 0.0, None, None)) == "0/10 rounds (0%)  0/s  experiment 0.0 s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.0 s"), (3.24, "3.2 s"), (60.0, "1 min 0 s"), (310.4, "5 min 10 s"), (3599.6, "1 h 0 min"), (75 * 3600 + 241, "75 h 4 min")],
)
def test_durations_are_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def test_on_a_terminal_one_line_is_rewritten_and_ended(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with ProgressLine() as line:
        line.show(HALFWAY)
        line.show(KEY_RUN)
    first, second = terminal.getvalue().split("\r")[1:]
    assert first == describe(HALFWAY)
    assert second == describe(KEY_RUN).ljust(len(first)) + "\n", "nothing of the longer line stays behind"


def test_elsewhere_a_line_comes_every_ten_seconds(monkeypatch, capsys):
    now = [100.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    with ProgressLine() as line:
        for seconds in (0, 5, 9.9, 10.1, 15):
            now[0] = 100.0 + seconds
            line.show(HALFWAY)
    assert capsys.readouterr().err == 2 * (describe(HALFWAY) + "\n")


def test_a_run_that_showed_nothing_leaves_the_terminal_alone(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with ProgressLine():
        pass
    assert terminal.getvalue() == ""


ALARM = Alarm("singles", "bsm", 5400.0, 5300.0, "clicks an attempt went from 0.00297 to 0.00221 (-26%)", -24.04)
TOLD = "alarm at 1 h 30 min: bsm, singles: clicks an attempt went from 0.00297 to 0.00221 (-26%) (-24.0 sigma)"


def test_an_alarm_is_told_once_at_once_and_above_the_line(monkeypatch, capsys):
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: 100.0)
    alarmed = dataclasses.replace(HALFWAY, alarms=(ALARM,))
    with ProgressLine() as line:
        for progress in (HALFWAY, alarmed, alarmed):
            line.show(progress)
    assert capsys.readouterr().err == f"{describe(HALFWAY)}\n{TOLD}\n"


def test_on_a_terminal_an_alarm_pushes_the_line_down(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with ProgressLine() as line:
        line.show(HALFWAY)
        line.show(dataclasses.replace(HALFWAY, alarms=(ALARM,)))
    width = len(describe(HALFWAY))
    assert terminal.getvalue() == f"\r{describe(HALFWAY)}\r{TOLD.ljust(width)}\n\r{describe(HALFWAY)}\n"


def test_an_alarm_without_statistics_has_no_sigma():
    assert describe_alarm(dataclasses.replace(ALARM, sigma=None)).endswith("(-26%)")
