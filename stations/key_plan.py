"""The plan of a session from a run's own configuration, the same at both parties."""

from __future__ import annotations

from typing import Literal

from ..errors import ConfigError
from ..protocol.finite_key import Security
from ..protocol.log_contents import LogHeader
from ..protocol.planning import OneBasisPlan, plan_one_basis
from ..protocol.reconciliation import CodeSpec, shipped_syndrome_bits
from ..protocol.run_folder import RunFolder
from ..protocol.session.plan import SessionPlan
from .config import load_link
from .config_models import ProtocolPlan, SiftedPurpose, Sr88Link


def plan_session(folder: RunFolder, party: str, **choices: str | int) -> tuple[SessionPlan, OneBasisPlan]:
    """Plan how a key run becomes a key, from what one party holds: its own log's header and the run's ``link.yaml``.

    Args:
        folder: of the run.
        party: whose log to look at.
        choices: ``analysis``, ``credit`` or ``code``, where they are to differ from the link file's. Whoever changes one must not do so
            because of what is in the rounds, and both parties must do the same.

    Raises:
        ConfigError: the run is none to make a key from, or gives none.
        LogCorrupt: the log is damaged.
    """
    header = folder.read_header(party)
    config = load_link(folder.link_yaml)
    if config.digest != header.config_digest:
        raise ConfigError(f"{folder.link_yaml}: this is not the configuration that the run was made with; restore the file")
    if header.purpose != "key":
        raise ConfigError(f"{folder.path}: this run was made to characterise the link; a key needs a run with --purpose key")
    if folder.is_characterised:
        raise ConfigError(f"{folder.path}: both parties' rounds of this run were looked at together, so no key can be made from it")
    if not isinstance(config.link, Sr88Link):
        raise ConfigError(
            f"{config.link.name}: half of the rounds of this protocol are announced, and its finite-key bound holds for collective attacks "
            "only; it makes no key here. eventready plan munich shows how many rounds it would take"
        )
    protocol = config.link.protocol.model_copy(update=choices)
    plan = planned(protocol, config.link.purposes.key, int(header.facts["rounds"]))
    if plan.key_bits < 1:
        raise ConfigError(
            f"{folder.path}: {plan.rounds} rounds give no key at S = {protocol.chsh:g}, Q = {protocol.qber:.2%} with the analysis "
            f"{protocol.analysis}; eventready plan oxford says how many it takes"
        )
    return _session(plan, protocol, header), plan


def planned(protocol: ProtocolPlan, purpose: SiftedPurpose, rounds: int) -> OneBasisPlan:
    """Lengths and thresholds of a key run.

    Raises:
        ConfigError: too few rounds to set a threshold.
    """
    gamma = float(purpose.test_fraction)
    syndrome = shipped_syndrome_bits(rounds, gamma, (4 + protocol.chsh) / 8, protocol.qber) if protocol.code == "shipped" else None
    credit: Literal[0, 1] = protocol.credit
    return plan_one_basis(
        rounds,
        protocol.chsh,
        protocol.qber,
        test_fraction=gamma,
        security=Security.of(protocol.soundness),
        syndrome_bits=syndrome,
        analysis=protocol.analysis,
        test_credit=credit,
    )


def _session(plan: OneBasisPlan, protocol: ProtocolPlan, header: LogHeader) -> SessionPlan:
    return SessionPlan.of(
        plan,
        qber=protocol.qber,
        code=CodeSpec.for_plan(plan.rounds, plan.syndrome_bits),
        run_id=header.run_id,
        config_digest=header.config_digest,
        hardware=header.hardware,
    )
