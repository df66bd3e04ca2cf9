"""``eventready warmup``: compile what is compiled on first use, now."""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any, NamedTuple

import click


class Kernels(NamedTuple):
    """A module of compiled kernels, and who compiles them.

    Attributes:
        name: for people.
        module: where they are, in ``eventready``.
        warm_up: the module whose ``warm_up()`` calls each of them in every form that is used.
        optional: whether a processor may lack an instruction that they need; others stand in then, and ``warm_up()`` does nothing.
    """

    name: str
    module: str
    warm_up: str
    optional: bool = False


KERNELS = (
    Kernels("herald search in time tags", "sequences.herald_kernel", "sequences.herald_search"),
    Kernels("reading of .ptu records", "sequences.ptu_kernel", "sequences.ptu"),
    Kernels("Toeplitz hashing", "protocol.extraction.toeplitz_kernel", "protocol.extraction.toeplitz"),
    Kernels("Trevisan, carry-less products", "protocol.extraction.clmul_kernel", "protocol.extraction.clmul", optional=True),
    Kernels("Trevisan, any processor", "protocol.extraction.sliced_kernel", "protocol.extraction.sliced"),
    Kernels("error correction, codes", "protocol.reconciliation.graph_kernel", "protocol.reconciliation.code"),
    Kernels("error correction, decoder", "protocol.reconciliation.decoder_kernel", "protocol.reconciliation.code"),
)
"""All of them; a module with kernels that is not in here makes a user wait at an odd time."""


@click.command("warmup")
def command() -> None:
    """Compile the fast inner loops, which otherwise happens at first use, and say how long each took.

    The compiled code is kept, so this is needed once after an installation or an update. It is kept beside the package where that can be
    written, else in a cache folder of the user; NUMBA_CACHE_DIR names another one. Who can write there can run code as you.

    \b
    Examples:
      eventready warmup
      NUMBA_CACHE_DIR=/var/cache/eventready eventready warmup
    """  # noqa: D301 - \b keeps click from wrapping the examples
    start = time.perf_counter()
    numba = import_module("numba")
    _tell(f"numba {numba.__version__}", start, "loaded")
    places = set()
    for row in KERNELS:
        start = time.perf_counter()
        import_module(f"..{row.warm_up}", __package__).warm_up()
        found = {name: kernel for name, kernel in kernels(row).items() if kernel.signatures}
        if not found:
            _tell(row.name, start, "not for this processor")
            continue
        compiled = sum(kernel.stats.cache_misses.total() for kernel in found.values())
        _tell(
            row.name,
            start,
            f"{len(found)} {'kernels' if len(found) > 1 else 'kernel'}, {'compiled' if compiled else 'taken from the cache'}",
        )
        places |= {kernel.stats.cache_path for kernel in found.values()}
    for place in sorted(places):
        click.echo(f"kept in {place}")


def kernels(row: Kernels) -> dict[str, Any]:
    """The compiled functions of a module by name, without those that are parts of others; their names begin with an underscore."""
    dispatcher = import_module("numba.core.dispatcher").Dispatcher
    contents = vars(import_module(f"..{row.module}", __package__))
    return {name: found for name, found in contents.items() if isinstance(found, dispatcher) and not name.startswith("_")}


def _tell(what: str, start: float, how: str) -> None:
    click.echo(f"{what:<32} {time.perf_counter() - start:6.2f} s  {how}")
