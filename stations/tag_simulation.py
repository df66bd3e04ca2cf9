"""The tag stream of a link, from its link file: what a time tagger behind its Bell-state measurement would deliver."""

from __future__ import annotations

from ..errors import ConfigError
from ..sequences.attempts import REFERENCE
from ..sequences.herald_rule import HeraldRule
from ..sequences.tree import blocks
from ..twin.optics import Optics
from ..twin.physics.preset import load_preset
from ..twin.tags import TagStream, herald_rule
from .assembly import programs
from .config import LinkConfig
from .link_sequence import link_round


def tag_stream(config: LinkConfig, seed: int) -> tuple[TagStream, HeraldRule]:
    """Tags of the link's attempts, and what in them heralds.

    Args:
        config: of the link.
        seed: of all draws.

    Raises:
        ConfigError: its sequence has no pulse that tags could count from.
        SequenceError: its sequence cannot be run.
    """
    program = programs(config)["bsm"]
    references = [pulse.at_ps for _, block in blocks(link_round(config)) for pulse in block.pulses if pulse.line == REFERENCE]
    if program.loop is None or len(references) != 1:
        raise ConfigError(f"the sequence of {config.link.name!r} needs attempts with one pulse on {REFERENCE}, which the tags count from")
    optics = Optics(load_preset(config.link.preset), {})
    parameters = optics.parameters(0, (True, True), program.loop)
    stream = TagStream(optics.all_photons(parameters, program.loop), optics.click_timings(program.loop), program.loop, references[0], seed)
    return stream, herald_rule(program.loop, program.accepted_patterns)
