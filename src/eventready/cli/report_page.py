"""What every report is made of, on the screen and on paper."""

from __future__ import annotations

from typing import NamedTuple

from .report_tables import Table


class Page(NamedTuple):
    """A report in words and tables.

    Attributes:
        name: what it is about.
        headline: what happened, in a sentence or two.
        cautions: what must not be overlooked.
        tables: in the order of reading.
        notes: what to know about them.
        source: where it all comes from.
    """

    name: str
    headline: str
    cautions: tuple[str, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    source: str
