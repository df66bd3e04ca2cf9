"""Both parties on one machine, from the folder of a run."""

import numpy as np
import pytest

from eventready.errors import ConfigError, LogCorrupt
from eventready.protocol.keys.pool import KeyPool
from eventready.protocol.records import NOT_PUBLIC, RECORD_DTYPE, RoundType
from eventready.protocol.round_log import PARTIES, LogHeader, RoundLogWriter
from eventready.protocol.run_folder import RunFolder
from eventready.protocol.session.alice import Alice
from eventready.protocol.session.both import require_open, run_both

from .conftest import draw_rounds, generated_keys, make_plan

PLAN = make_plan()


def silent(party, stage, share):
    pass


@pytest.fixture
def run(tmp_path):
    """A finished key run with pools."""
    folder = RunFolder.create(tmp_path / "run")
    for party, mine in zip(PARTIES, (*draw_rounds(1), None), strict=True):
        records = np.zeros(PLAN.rounds, RECORD_DTYPE)
        records["index"] = np.arange(PLAN.rounds)
        records["setting"] = records["outcome"] = NOT_PUBLIC
        if mine is not None:
            records["round_type"] = np.where(mine.types == 1, RoundType.TEST, RoundType.KEY)
            records["setting"], records["outcome"], records["pattern"] = mine.settings, mine.outcomes, mine.patterns
        header = LogHeader("run-1", party, "c0ffee", "5e9", "twin", "key")
        writer = RoundLogWriter.create(folder.log(party), header, folder.key(party))
        for record in records:
            writer.append(record.tobytes())
        writer.commit()
        writer.close()
    folder.write_manifest()
    KeyPool.create_pair(tmp_path / "alice", tmp_path / "bob", seed_bits=PLAN.seed_bits, pad_words=2)
    return folder


def make_key(run, tmp_path, on_progress=silent):
    with KeyPool.open(tmp_path / "alice") as alice, KeyPool.open(tmp_path / "bob") as bob:
        return run_both(run, PLAN, (alice, bob), on_progress)


def test_a_run_becomes_a_key_and_says_who_was_at_what(run, tmp_path):
    told = []
    result = make_key(run, tmp_path, lambda *what: told.append(what))
    assert (result.alice.outcome, result.bob.outcome) == ("key", "key")
    assert generated_keys(tmp_path / "alice") == generated_keys(tmp_path / "bob") != []
    assert {(stage.party, stage.name) for stage in result.stages} >= {
        ("alice", "log"), ("bob", "log"), ("alice", "syndrome"), ("bob", "error correction"),
        ("alice", "privacy amplification"), ("bob", "privacy amplification"),
    }  # fmt: skip
    assert all(0 <= stage.start <= stage.stop <= result.elapsed_s for stage in result.stages)
    assert not run.is_characterised
    with pytest.raises(ConfigError, match="gives one key"):
        require_open(run)


def test_a_party_that_missed_the_end_hears_of_it_the_next_time(run, tmp_path, mocker):
    """Bob has the key and said so; Alice was gone by then."""
    mocker.patch.object(Alice, "_heed_verdict", side_effect=MemoryError)
    with pytest.raises(MemoryError):
        make_key(run, tmp_path)
    assert len(generated_keys(tmp_path / "bob")) == 1
    assert generated_keys(tmp_path / "alice") == []
    mocker.stopall()
    require_open(run)
    make_key(run, tmp_path)
    assert generated_keys(tmp_path / "alice") == generated_keys(tmp_path / "bob")
    with pytest.raises(ConfigError, match="gives one key"):
        require_open(run)


def test_the_cause_is_raised_and_not_that_the_other_hung_up(run, tmp_path):
    path = run.log("bob")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(LogCorrupt):
        make_key(run, tmp_path)
    require_open(run)  # nothing was revealed


def test_an_abort_ends_it(run, tmp_path):
    strict = make_plan(most_losses=0)
    with KeyPool.open(tmp_path / "alice") as alice, KeyPool.open(tmp_path / "bob") as bob:
        result = run_both(run, strict, (alice, bob), silent)
    assert (result.alice.outcome, result.bob.outcome) == ("aborted", "aborted")
    with pytest.raises(ConfigError, match=r"not tried again.*Make a new run"):
        require_open(run)
