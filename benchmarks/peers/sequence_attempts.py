"""How many attempts a second SeQUeNCe simulates: two memories, and a Bell-state measurement midway between them.

Runs in a Python that has SeQUeNCe (``pip install sequence==0.8.5`` in an environment of its own) and knows nothing of ``eventready``;
``benchmarks/twin.py --sequence`` calls it. Written to its public interface, and to the way in which its tutorial generates entanglement: an
attempt is a new pair of protocol instances and a run of the time line until nothing is left to happen.

    python benchmarks/peers/sequence_attempts.py PROTOCOL EFFICIENCY SECONDS

``PROTOCOL`` is ``barret_kok`` or ``single_heralded`` (its spelling), ``EFFICIENCY`` that of a memory: a photon is detected with it, as the
arms are lossless and the detectors perfect. Prints one line of JSON: version, attempts, heralds, seconds (of the processor).
"""

from __future__ import annotations

import json
import sys
import time
from importlib import metadata
from itertools import permutations

from sequence.components.memory import Memory
from sequence.components.optical_channel import ClassicalChannel, QuantumChannel
from sequence.constants import BARRET_KOK, BELL_DIAGONAL_STATE_FORMALISM, KET_STATE_FORMALISM, SINGLE_HERALDED
from sequence.entanglement_management.generation import EntanglementGenerationA, EntanglementGenerationB
from sequence.kernel.timeline import Timeline
from sequence.topology.node import BSMNode, Node

ARM_M = 1.0
MEMORY = {"fidelity": 0.95, "frequency": 1e6, "coherence_time": -1, "wavelength": 422}
BETWEEN_PS = 2_000_000
"""From the end of an attempt to the next one; longer than a memory must rest, so that none waits."""
BATCH = 50
KINDS = {
    BARRET_KOK: (KET_STATE_FORMALISM, "single_atom", "SingleAtomBSM"),
    SINGLE_HERALDED: (BELL_DIAGONAL_STATE_FORMALISM, "single_heralded", "SingleHeraldedBSM"),
}


class Outcomes:
    """Takes the place of SeQUeNCe's resource manager: counts what became of the attempts."""

    def __init__(self) -> None:
        self.heralds = 0

    def update(self, protocol: object, memory: Memory, state: str) -> None:
        """What a protocol says when it has ended."""
        if state == "ENTANGLED":
            self.heralds += 1


class End(Node):
    """A node with one memory."""

    def __init__(self, name: str, timeline: Timeline, efficiency: float, seed: int) -> None:
        super().__init__(name, timeline, seed)
        self.memory = Memory(f"{name}.memory", timeline, efficiency=efficiency, **MEMORY)
        self.memory.add_receiver(self)
        self.add_component(self.memory)
        self.resource_manager = Outcomes()

    def get(self, photon: object, **kwargs: str) -> None:
        """The memory has emitted: into the fibre."""
        self.send_qubit(kwargs["dst"], photon)

    def begin(self, middle: str, other: str) -> None:
        """A new attempt, with a new protocol instance."""
        self.memory.reset()
        self.protocols = [EntanglementGenerationA.create(self, f"{self.name}.generation", middle, other, self.memory)]


def link(kind: str, efficiency: float) -> tuple[Timeline, End, End, BSMNode]:
    """Both ends and the middle, with channels between them all."""
    formalism, encoding, measurement = KINDS[kind]
    EntanglementGenerationA.set_global_type(kind)
    EntanglementGenerationB.set_global_type(kind)
    timeline = Timeline(formalism=formalism)
    ends = [End(name, timeline, efficiency, seed) for seed, name in enumerate(("alice", "bob"))]
    middle = BSMNode("middle", timeline, [end.name for end in ends], seed=2, component_templates={"encoding_type": encoding})
    middle.get_components_by_type(measurement)[0].update_detectors_params("efficiency", 1)
    for end in ends:
        QuantumChannel(f"fibre.{end.name}", timeline, attenuation=0, distance=ARM_M).set_ends(end, middle.name)
    for sender, receiver in permutations([*ends, middle], 2):
        ClassicalChannel(f"line.{sender.name}.{receiver.name}", timeline, ARM_M).set_ends(sender, receiver.name)
    timeline.init()
    return timeline, *ends, middle


def attempt(timeline: Timeline, alice: End, bob: End, middle: BSMNode) -> None:
    """One attempt, until nothing is left to happen."""
    timeline.time = timeline.now() + BETWEEN_PS
    pair = (alice, bob), (bob, alice)
    for end, other in pair:
        end.begin(middle.name, other.name)
    for end, other in pair:
        end.protocols[0].set_others(other.protocols[0].name, other.name, [other.memory.name])
    for end in (alice, bob):
        end.protocols[0].start()
    timeline.run()


def main() -> None:
    """Attempt for so many seconds, and print."""
    kind, efficiency, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    parts = link(kind, efficiency)
    attempts, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        for _ in range(BATCH):
            attempt(*parts)
        attempts += BATCH
    heralds = parts[1].resource_manager.heralds
    print(json.dumps({"version": metadata.version("sequence"), "attempts": attempts, "heralds": heralds, "seconds": spent}))


if __name__ == "__main__":
    main()
