"""The lines of ``events.jsonl``."""

import json

from eventready.stations.events import EventLog, last_event_s
from eventready.stations.monitors.alarm import Alarm
from eventready.stations.states import State


def written(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_alarm_is_a_line_among_the_transitions(tmp_path):
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        log.note("bsm", 1.0, State.IDLE, State.ATTEMPTING, "begin")
        log.alarm(Alarm("singles", "bsm", 90.0, 60.5, "fewer", -7.123))
        log.alarm(Alarm("sequencer counters", "bsm", 91.0, 91.0, "3 cycles but 2 reference pulses"))
    assert written(path)[1:] == [
        {"t_s": 90.0, "node": "bsm", "alarm": "singles", "since_s": 60.5, "sigma": -7.1, "cause": "fewer"},
        {"t_s": 91.0, "node": "bsm", "alarm": "sequencer counters", "since_s": 91.0, "cause": "3 cycles but 2 reference pulses"},
    ]


def test_a_log_without_a_file_takes_alarms_too():
    EventLog().alarm(Alarm("singles", "bsm", 90.0, 60.5, "fewer", -7.1))


def test_the_latest_event_is_found_whatever_a_crash_left_behind_it(tmp_path):
    path = tmp_path / "events.jsonl"
    assert last_event_s(path) == 0.0
    with EventLog(path) as log:
        assert last_event_s(path) == 0.0
        log.note("bsm", 7.5, State.IDLE, State.ATTEMPTING, "begin")
        log.note("bsm", 3.0, State.ATTEMPTING, State.ATTEMPTING, "noted late")
    with path.open("a", encoding="utf-8") as file:
        file.write('{"t_s": 99')
    assert last_event_s(path) == 7.5
