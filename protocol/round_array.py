"""The rounds of one party as an array for notebooks and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from .log_contents import LogHeader
from .records import RECORD_DTYPE

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = tuple(name for name in RECORD_DTYPE.names or () if name != "spare")
"""The fields of a record that mean something."""


class RoundArray(np.ndarray[Any, np.dtype[np.void]]):
    """A structured array of :data:`~.records.RECORD_DTYPE`, shape ``(n,)``; a field of it, ``rounds["index"]``, is a plain array.

    Printing it shows how many rounds there are and not what is in them, because settings and outcomes end up in log files that way.

    Attributes:
        header: the header of the log that the rounds were read from.
        finished: the run has been closed and its log agrees with the manifest. False for one that still runs, or that crashed.
    """

    header: LogHeader | None
    finished: bool

    @classmethod
    def of(cls, records: NDArray[np.void], header: LogHeader, finished: bool) -> Self:
        """Wrap an array of records without copying it."""
        rounds = records.view(cls)
        rounds.header = header
        rounds.finished = finished
        return rounds

    def __array_finalize__(self, parent: object) -> None:
        self.header = getattr(parent, "header", None)
        self.finished = getattr(parent, "finished", False)

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - numpy's own signature
        item = super().__getitem__(key)
        return item.view(np.ndarray) if isinstance(item, RoundArray) and item.dtype != RECORD_DTYPE else item

    def __repr__(self) -> str:
        party = self.header.party if self.header is not None else "nobody"
        return f"<RoundArray: {self.size} rounds of {party}{'' if self.finished else ', run not finished'}>"

    __str__ = __repr__

    def to_pandas(self) -> pd.DataFrame:
        """A data frame with one row a record and one column a field, integers as they are."""
        import pandas as pd

        return pd.DataFrame({name: np.asarray(self[name]) for name in COLUMNS})
