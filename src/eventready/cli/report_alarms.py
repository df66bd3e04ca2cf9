"""The alarms of a run's monitors, out of its ``events.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ..errors import LogCorrupt
from ..protocol.run_folder import RunFolder
from .report_model import AlarmLine


def read_alarms(folder: RunFolder, parties: Iterable[str]) -> tuple[AlarmLine, ...]:
    """Alarms in the order of their times.

    Args:
        folder: of the run.
        parties: whose files are read; in a key run nobody but the party itself reads its own.

    Raises:
        LogCorrupt: a line is no event. The end of an unfinished line, which a crash leaves, is none.
    """
    alarms = []
    for party in parties:
        path = folder.events(party)
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        for number, line in enumerate(text[: text.rfind("\n") + 1].splitlines(), 1):
            try:
                event = json.loads(line)
                if "alarm" in event.keys():  # a list has none
                    alarms.append(AlarmLine(str(event["node"]), str(event["alarm"]), float(event["t_s"]), str(event["cause"])))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise LogCorrupt(f"{path}: line {number} is no event ({error}); restore the file from a copy") from error
    return tuple(sorted(alarms, key=lambda alarm: alarm.at_s))
