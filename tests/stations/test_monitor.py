"""What a run tells while it goes on, read back from its logs."""

import numpy as np
import pytest

from eventready.protocol.bell import GAMES, Counts, chsh_s, qber
from eventready.protocol.records import NO_INDEX
from eventready.protocol.run_folder import load_run
from eventready.stations.monitor import Progress, RunMonitor


@pytest.fixture
def make(finished_run):
    def monitor(run, *, block_rounds=1000, joint=True, first=0):
        folder = finished_run(*run)
        shown, blocks = [], []
        return (
            folder,
            shown,
            blocks,
            RunMonitor(
                folder,
                GAMES[run[0]],
                goal=run[1],
                block_rounds=block_rounds,
                joint=joint,
                first=first,
                on_progress=shown.append,
                on_block=blocks.append,
            ),
        )

    return monitor


RUN = ("oxford", 6000, "characterise")


def counts(folder, start, stop):
    alice, bob = load_run(folder.path, "alice")[start:stop], load_run(folder.path, "bob")[start:stop]
    return Counts.from_rounds(alice["setting"], bob["setting"], alice["outcome"], bob["outcome"], GAMES["oxford"])


def test_blocks_and_totals_are_those_of_the_logs(make):
    folder, shown, blocks, monitor = make(RUN)
    monitor.acknowledged(RUN[1] - 1)
    progress = monitor.refresh()
    public = load_run(folder.path, "public")
    public = public[public["index"] != NO_INDEX]
    assert [block.number for block in blocks] == list(range(6))
    ends = np.concatenate([[0.0], public["herald_ps"][999::1000] * 1e-12])
    for block in blocks:
        rounds = slice(1000 * block.number, 1000 * (block.number + 1))
        those = counts(folder, rounds.start, rounds.stop)
        assert block.chsh_s == pytest.approx(chsh_s(those, GAMES["oxford"]).value)
        assert block.qber == pytest.approx(qber(those, GAMES["oxford"]).value)
        assert block.end_s == pytest.approx(ends[block.number + 1])
        assert block.herald_rate == pytest.approx(1000 / (ends[block.number + 1] - ends[block.number]))
        assert block.attempts == pytest.approx(public["attempts"][rounds].mean())
    every = counts(folder, 0, None)
    assert progress.chsh_s.value == pytest.approx(chsh_s(every, GAMES["oxford"]).value)
    assert progress.qber.value == pytest.approx(qber(every, GAMES["oxford"]).value)
    assert (progress.rounds, progress.goal) == (6000, 6000)
    assert progress.simulated_s == pytest.approx(ends[-1])
    assert shown[-1] == progress


def test_reading_twice_counts_nothing_twice(make):
    _, _, blocks, monitor = make(RUN)
    first = monitor.refresh()
    again = monitor.refresh()
    assert again.chsh_s == first.chsh_s
    assert again.simulated_s == first.simulated_s
    assert len(blocks) == 6


def test_a_block_that_is_not_full_is_kept_back(make):
    _, _, blocks, monitor = make(RUN, block_rounds=4000)
    monitor.refresh()
    assert [block.rounds for block in blocks] == [4000]


def test_a_monitor_that_may_not_join_opens_no_party_s_log(make, mocker):
    joined = mocker.patch("eventready.stations.monitor.LiveJoin")
    folder, shown, blocks, monitor = make(("oxford", 4000, "key"), joint=False)
    progress = monitor.refresh()
    assert joined.call_count == 0
    assert (progress.chsh_s, progress.qber) == (None, None)
    assert len(blocks) == 4
    assert all((block.chsh_s, block.qber) == (None, None) for block in blocks)
    assert all(block.herald_rate > 0 for block in blocks)
    assert not folder.is_characterised
    assert len(shown) == 1


def test_progress_is_told_about_twice_a_second(make, mocker):
    clock = mocker.patch("eventready.stations.monitor.time.perf_counter", return_value=10.0)
    _, shown, _, monitor = make(RUN)
    for index in range(10):
        clock.return_value = 10.0 + 0.2 * index
        monitor.acknowledged(index)
    assert [progress.rounds for progress in shown] == [4, 7, 10]
    assert [progress.elapsed_s for progress in shown] == pytest.approx([0.6, 1.2, 1.8])
    assert shown[-1].rounds_per_s == pytest.approx(10 / 1.8)


def test_the_rate_of_a_resumed_run_is_that_of_its_segment(make, mocker):
    clock = mocker.patch("eventready.stations.monitor.time.perf_counter", return_value=10.0)
    _, _, _, monitor = make(RUN, first=1000)
    clock.return_value = 12.0
    monitor.acknowledged(1999)
    progress = monitor.refresh()
    assert progress.rounds == 2000
    assert progress.rounds_per_s == pytest.approx(500)
    assert progress.eta_s == pytest.approx(8.0)


def test_nobody_knows_when_a_run_ends_that_has_not_begun():
    assert Progress(0, 100, 0.0, 1.0, 0.0, None, None).eta_s is None
