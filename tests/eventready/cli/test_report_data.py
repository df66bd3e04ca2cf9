"""What the report knows, and what it must not look at."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from eventready.cli.report_data import MAX_POINTS, _course, _staircase, collect, from_counts
from eventready.errors import ConfigError, LogCorrupt
from eventready.protocol.bell import OXFORD_GAME
from eventready.protocol.join import join_run
from eventready.protocol.records import Flag
from eventready.protocol.run_folder import RunFolder, load_run


@pytest.fixture
def parties_read(monkeypatch):
    """Whose logs are read."""
    read = []
    original = RunFolder.read_log
    monkeypatch.setattr(RunFolder, "read_log", lambda self, party: read.append(party) or original(self, party))
    return read


def test_public_facts_are_those_of_the_manifest(munich_run, munich_report):
    public, manifest = munich_report.public, json.loads(munich_run.manifest.read_text(encoding="utf-8"))
    assert (public.run_id, public.config_digest, public.hardware, public.purpose) == tuple(
        manifest[name] for name in ("run_id", "config_digest", "hardware", "purpose")
    )
    assert (public.rounds, public.goal, public.vetoes, public.resumed) == (150, 150, manifest["vetoed"], 0)
    assert (public.finished, public.burned, public.preset) == (True, True, "munich-physics")
    herald_ps = load_run(munich_run.path, "public")["herald_ps"]
    assert public.duration_s == pytest.approx(herald_ps[-1] * 1e-12)
    assert public.rounds_per_hour == pytest.approx(150 / (herald_ps[-1] * 1e-12) * 3600)


def test_the_counts_are_those_of_the_logs(munich_run, munich_report):
    alice, bob = load_run(munich_run.path, "alice"), load_run(munich_run.path, "bob")
    for pair in munich_report.joint.analysis.pairs:
        mine = (alice["setting"] == pair.x) & (bob["setting"] == pair.y)
        assert pair.n == mine.sum()
        assert pair.n_equal == (alice["outcome"] == bob["outcome"])[mine].sum()
    assert munich_report.joint.analysis.local_realism.rng_bias == 1e-5
    assert munich_report.joint.analysis.fidelity.value == pytest.approx(
        1 / 9 + 8 / 9 * np.mean([fit.visibility.value for fit in munich_report.joint.analysis.visibilities])
    )


@pytest.mark.parametrize("name", ["munich", "oxford"])
def test_the_run_is_one_of_its_preset(name, request):
    """5 sigma: the seed is fixed, so this can only fail when the physics or the analysis changes."""
    preset = request.getfixturevalue(f"{name}_report").joint.preset
    assert all(abs(p.deviation) < 5 for p in (preset.s, *preset.qbers, *preset.correlators) if p.deviation is not None)
    assert preset.s.deviation is not None


def test_every_pattern_of_the_link_is_listed(munich_report, oxford_report):
    assert {p.clicks: p.state for p in munich_report.patterns} == {"ch cv": "psi+", "dh dv": "psi+"}
    assert {p.clicks: p.state for p in oxford_report.patterns} == {"ch cv": "psi+", "dh dv": "psi+", "ch dv": "psi-", "cv dh": "psi-"}
    assert sum(p.heralds for p in oxford_report.patterns) == 3000
    pooled = sum(p.qber.value * p.heralds for p in oxford_report.patterns) / 3000
    assert pooled == pytest.approx(oxford_report.joint.analysis.qber.value, abs=2e-3)  # not every pattern has the same share of key rounds
    assert oxford_report.patterns[0].preset_qber > oxford_report.patterns[1].preset_qber  # Psi+ has more errors, by the physics


def test_a_short_run_has_shorter_windows(oxford_run, oxford_report):
    course = oxford_report.joint.course
    assert (course.window, course.configured) == (600, 100_000)
    last = join_run(oxford_run.path)
    key = (last.alice_setting == 0) & (last.bob_setting == 2)
    wrong = (last.alice_outcome != last.bob_outcome)[-600:][key[-600:]]
    assert course.windows.end[-1] <= 3000
    assert course.windows.qber[course.windows.end == 3000] == pytest.approx(wrong.mean())


def test_curves_are_thinned_out(oxford_run):
    once = join_run(oxford_run.path)
    many = dataclasses.replace(once, **{f.name: np.tile(getattr(once, f.name), 10) for f in dataclasses.fields(once)})
    course = _course(many, OXFORD_GAME, 1000)
    assert course.window == 1000
    assert MAX_POINTS // 2 < len(course.windows.end) <= MAX_POINTS + 1


def test_a_thinned_out_staircase_keeps_its_steps():
    herald_ps = np.arange(100_000, dtype=np.int64) * 8 * 10**9
    herald_ps[60_000:] += 36 * 10**14  # an hour without heralds
    stairs = _staircase(herald_ps)
    assert len(stairs.hours) == MAX_POINTS
    assert (stairs.bell_pair[0], stairs.bell_pair[-1]) == (1, 100_000)
    assert stairs.hours == pytest.approx(herald_ps[stairs.bell_pair - 1] / 3.6e15)
    step = np.diff(stairs.hours).argmax()
    assert np.diff(stairs.hours)[step] == pytest.approx(1, abs=1e-3)
    assert abs(stairs.bell_pair[step] - 60_000) <= 51


def test_of_a_key_run_only_the_public_log_is_read(key_run, parties_read):
    report = collect(key_run)
    assert set(parties_read) == {"public"}
    assert report.joint is None
    assert not key_run.is_characterised
    assert not report.public.burned
    assert all((p.s, p.qber, p.preset_s, p.preset_qber) == (None,) * 4 for p in report.patterns)
    assert sum(p.heralds for p in report.patterns) == report.public.rounds == 500


def test_a_key_run_is_burned_on_demand_only(key_run, tmp_path):
    copy = RunFolder(shutil.copytree(key_run.path, tmp_path / "copy"))
    report = collect(copy, burn=True)
    assert report.joint.analysis.rounds == 500
    assert report.public.burned
    assert copy.is_characterised


def test_a_key_run_on_real_hardware_is_never_burned(make_munich):
    folder = make_munich(hardware="real", purpose="key")
    with pytest.raises(ConfigError, match="never joined"):
        collect(folder, burn=True)
    assert not folder.is_characterised


def test_another_link_file_is_noticed(munich_run, tmp_path):
    copy = RunFolder(shutil.copytree(munich_run.path, tmp_path / "copy"))
    text = copy.link_yaml.read_text(encoding="utf-8")
    copy.link_yaml.write_text(text.replace("window: 500", "window: 400"), encoding="utf-8")
    with pytest.raises(LogCorrupt, match="not what was run"):
        collect(copy)


def test_flags_and_vetoes_are_counted(make_munich):
    lost = Flag.LOST | Flag.FALLBACK
    report = collect(make_munich(40, vetoed=3, flags=[lost, lost, Flag.NOT_ISOLATED, 0]))
    assert (report.public.rounds, report.public.vetoes) == (40, 3)
    assert {(count.party, count.flag): count.rounds for count in report.joint.flags} == {
        ("bob", Flag.FALLBACK): 2,
        ("bob", Flag.LOST): 2,
        ("bob", Flag.NOT_ISOLATED): 1,
    }
    assert report.joint.flagged_rounds == 3
    assert report.joint.analysis.rounds == 40
    assert len(report.staircase.hours) == 40


def test_on_real_hardware_there_is_no_preset(make_munich):
    report = collect(make_munich(hardware="real"))
    assert report.public.preset is None
    assert report.joint.preset is None
    assert all(p.preset_s is None for p in report.patterns)


@pytest.mark.parametrize("rounds", [0, 1, 7])
def test_an_unfinished_run_can_be_looked_at(make_munich, rounds):
    report = collect(make_munich(rounds, finish=False, goal=50))
    assert (report.public.rounds, report.public.goal, report.public.finished) == (rounds, 50, False)
    assert report.joint.analysis.rounds == len(report.staircase.hours) == rounds


def test_no_run(tmp_path):
    with pytest.raises(ConfigError, match="not the folder of a run"):
        collect(RunFolder(tmp_path))


def test_published_counts(counts_report):
    assert (counts_report.public, counts_report.staircase, counts_report.patterns) == (None, None, ())
    assert counts_report.joint.analysis.local_realism.p == "9.26e-13"
    assert len(counts_report.joint.analysis.not_computed) == 2
    with pytest.raises(ConfigError, match="oxford"):
        from_counts(counts_report.source, "oxford")
