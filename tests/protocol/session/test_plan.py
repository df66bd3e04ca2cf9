"""The plan of a session: what is refused, and that parties with different ones notice."""

import dataclasses

import pytest

from eventready.errors import ConfigError
from eventready.protocol.planning import plan_one_basis
from eventready.protocol.reconciliation import CodeSpec
from eventready.protocol.session.machine import extractor_of
from eventready.protocol.session.plan import SessionPlan

from .conftest import make_plan


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key_bits": 0}, "no key"),
        ({"game": "munich"}, "collective attacks"),
        ({"extractor": "toeplitz", "analysis": "eat2022"}, "does not hold for the extractor"),
        ({"extractor": "trevisan", "analysis": "renyi"}, "does not hold for the extractor"),
        ({"code": CodeSpec(rounds=3001, syndrome_bits=1500, degree=4, positions=10, width=4, seed=1)}, "the code is for 3001 rounds"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        make_plan(**changes)


def test_a_seed_of_another_length_is_refused():
    with pytest.raises(ConfigError, match="counts on a seed"):
        extractor_of(make_plan(seed_bits=77))


def test_every_field_counts():
    """A change of any one field changes digest and session, so that parties with different plans never begin."""
    plan = make_plan()
    other = {
        "run_id": "run-2", "config_digest": "decaf", "hardware": "real", "most_losses": plan.most_losses + 1, "error_rates": (0.02, 0.15),
        "extractor_error": 2e-6, "key_bits": 101, "seed_bits": 3, "test_credit": 1, "soundness": 2e-6,
        "code": dataclasses.replace(plan.code, seed=2),
    }  # fmt: skip
    fixed = {"game", "rounds", "extractor", "analysis"}  # these cannot be changed alone
    assert set(other) | fixed == {field.name for field in dataclasses.fields(plan)}
    found = [dataclasses.replace(plan, **{name: value}) for name, value in other.items()]
    assert len({plan.digest, *(one.digest for one in found)}) == len(other) + 1
    assert len({plan.session_id, *(one.session_id for one in found)}) == len(other) + 1


def test_the_code_must_be_the_one_that_the_length_pays_for():
    plan = plan_one_basis(1_500_000, 2.64, 0.018)
    code = CodeSpec(rounds=1_500_000, syndrome_bits=plan.syndrome_bits + 1, degree=5, positions=100, width=5, seed=1)
    with pytest.raises(ConfigError, match="length of the key accounts for 296517"):
        SessionPlan.of(plan, qber=0.018, code=code, run_id="r", config_digest="c", hardware="twin")
