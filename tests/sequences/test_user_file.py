"""A file of one's own: what goes wrong in it is reported with its file and line."""

import sys

import pytest

from eventready.errors import ConfigError
from eventready.sequences.user_file import describe

GOOD = """from __future__ import annotations
import dataclasses
from eventready.sequences import munich

@dataclasses.dataclass
class Extra:
    timings: munich.MunichTimings

def link_round(timings, plan):
    return munich.link_round(Extra(timings).timings, plan)
"""


def test_a_good_file(munich_link):
    assert describe(GOOD, "my.py", munich_link.timings, munich_link.plan) == munich_link.tree
    assert not [name for name in sys.modules if name.startswith("eventready_user")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", r"my\.py: has no function link_round\(timings, plan\)"),
        ("link_round = 5\n", r"my\.py: has no function"),
        ("\n\ndef link_round(timings, plan)\n", r"my\.py:3: "),
        ("\nimport no_such_module\n", r"my\.py:2: ModuleNotFoundError: No module named 'no_such_module'"),
        ("def link_round(timings, plan):\n    return 1 / 0\n", r"my\.py:2: ZeroDivisionError"),
        ("def link_round(timings, plan):\n    return help_me()\n\ndef help_me():\n    raise KeyError('x')\n", r"my\.py:5: KeyError"),
        ("def link_round(timings):\n    return 1\n", r"my\.py:1: TypeError"),
        ("def link_round(timings, plan):\n    return 'a'\n", r"my\.py: link_round returned str"),
        (
            "from eventready.sequences.language import Pulse\ndef link_round(timings, plan):\n    return Pulse('a.b', 0.5, 1)\n",
            r"my\.py:3: SequenceError: Pulse\.at_ps: 0\.5 is not a whole number",
        ),
    ],
)
def test_mistakes_have_file_and_line(munich_link, text, message):
    with pytest.raises(ConfigError, match=message):
        describe(text, "my.py", munich_link.timings, munich_link.plan)
