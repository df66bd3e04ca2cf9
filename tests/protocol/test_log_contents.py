"""Which records may stand in a log: the quick look at a frame may only ever save the long one work."""

import numpy as np
import pytest

from eventready.protocol import log_contents
from eventready.protocol.log_contents import find_misfit
from eventready.protocol.records import NO_INDEX, NOT_PUBLIC, RECORD_DTYPE


def frame(rng, party):
    """Rounds as they should be, often with one field of one record set to something else."""
    records = np.zeros(rng.integers(0, 5), RECORD_DTYPE)
    records["index"] = rng.integers(0, 4) + np.arange(len(records))
    if party == "public":
        records["setting"] = records["outcome"] = NOT_PUBLIC
    else:
        for name in ("counts", "setting", "outcome", "pattern", "round_type"):
            records[name] = rng.integers(0, 4, len(records))
    if len(records) and rng.random() < 0.6:
        name = rng.choice(RECORD_DTYPE.names)
        most = int(np.iinfo(RECORD_DTYPE[name]).max)
        records[name][rng.integers(len(records))] = [0, 1, 16, 255, NO_INDEX][rng.integers(5)] & most
    return records


@pytest.mark.parametrize("party", ["alice", "public"])
def test_the_quick_look_passes_nothing_that_the_long_one_refuses(mocker, party):
    rng = np.random.default_rng(3)
    cases = [(frame(rng, party), None if rng.random() < 0.3 else int(rng.integers(0, 5))) for _ in range(4000)]
    quick = [log_contents._is_ordinary(records, party, after) for records, after in cases]
    mocker.patch.object(log_contents, "_is_ordinary", return_value=False)
    long = [find_misfit(records, party, after) for records, after in cases]
    assert not [case for case, passed, misfit in zip(cases, quick, long, strict=True) if passed and misfit is not None]
    assert sum(quick) > 500, "and it does spare the ordinary frames"
