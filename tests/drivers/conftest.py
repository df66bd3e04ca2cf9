"""The fault table must be whole: every driver of the catalogue, every generic fault."""

from __future__ import annotations

from pathlib import Path

import pytest

_HERE = Path(__file__).parent
_LAST = "complete_fault_table"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What looks at the whole table comes last, and only where nothing has been left out of it."""
    last = [item for item in items if _LAST in getattr(item, "fixturenames", ())]
    items[:] = [item for item in items if item not in last] + last
    everything = set(_HERE.rglob("test_*.py")) <= {item.path for item in items}
    narrowed = any(config.getoption(option, None) for option in ("keyword", "lf", "deselect")) or any("::" in word for word in config.args)
    if narrowed or not everything:
        for item in last:
            item.add_marker(pytest.mark.skip(reason="only a part of the drivers' tests was asked for"))


@pytest.fixture
def complete_fault_table(fault_table):
    """The table when all other tests of the drivers have been run."""
    return fault_table
