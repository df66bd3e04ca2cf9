"""The plan of a session from a run's own files."""

import pytest

from eventready.errors import ConfigError
from eventready.protocol.run_folder import RunFolder
from eventready.stations.config import load_link
from eventready.stations.key_plan import plan_session, planned
from eventready.stations.link import open_link


@pytest.fixture(scope="module")
def short_run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "short"
    with open_link("oxford", seed=3) as link:
        link.run(path, rounds=50, purpose="key")
    return RunFolder(path)


def test_the_presets_plan_is_the_published_one_with_our_code():
    link = load_link("oxford").link
    paper = planned(link.protocol.model_copy(update={"code": "paper"}), link.purposes.key, 1_500_000)
    assert (paper.syndrome_bits, paper.most_losses, paper.seed_bits) == (296_517, 13_289, 1_201_886)
    assert paper.key_bits == pytest.approx(95_884, abs=2)
    ours = planned(link.protocol, link.purposes.key, 1_500_000)
    assert ours.syndrome_bits < 272_000
    assert ours.key_bits - paper.key_bits == pytest.approx(paper.syndrome_bits - ours.syndrome_bits, abs=20)
    assert ours.assumptions[0].startswith("(1)")


def test_too_few_rounds_are_told(short_run):
    with pytest.raises(ConfigError, match="50 rounds"):
        plan_session(short_run, "alice")


@pytest.mark.parametrize(("name", "words"), [("oxford", "characterise the link"), ("munich", "characterise the link")])
def test_a_run_for_something_else_is_refused(tmp_path, name, words):
    with open_link(name, seed=3) as link:
        link.run(tmp_path / "run", rounds=3)
    with pytest.raises(ConfigError, match=words):
        plan_session(RunFolder(tmp_path / "run"), "bob")


def test_munich_makes_no_key_and_says_why(tmp_path):
    with open_link("munich", seed=3) as link:
        link.run(tmp_path / "run", rounds=3, purpose="key")
    with pytest.raises(ConfigError, match="collective attacks"):
        plan_session(RunFolder(tmp_path / "run"), "alice")


def test_a_run_that_was_looked_at_is_refused(tmp_path):
    with open_link("oxford", seed=3) as link:
        link.run(tmp_path / "run", rounds=3, purpose="key")
    RunFolder(tmp_path / "run").mark_characterised()
    with pytest.raises(ConfigError, match="looked at together"):
        plan_session(RunFolder(tmp_path / "run"), "alice")


def test_a_credit_without_its_analysis_is_refused():
    link = load_link("oxford").link
    with pytest.raises(ConfigError, match="renyi analysis"):
        planned(link.protocol.model_copy(update={"credit": 1}), link.purposes.key, 1_500_000)
