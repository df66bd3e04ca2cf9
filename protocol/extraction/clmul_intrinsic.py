"""The processor's multiplication of polynomials over GF(2), 64 bit by 64 bit, for use in kernels: one, two or four at a time.

One at a time is PCLMULQDQ (``pclmul``, in x86 processors since about 2011), more are VPCLMULQDQ (since about 2020). LLVM ends the whole
process when it is asked for one that its target does not have, so :func:`lanes` asks numba for that target first.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils as untyped_cgutils
from numba.core import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

cgutils: Any = untyped_cgutils

POINTS = 8
"""How many field elements lie side by side."""
WORDS = 3
"""64-bit words of an element."""
PAIRS = WORDS * (WORDS + 1) // 4
"""An element is stored as this many pairs of words: its words, then the sums of any two of them (see :mod:`.clmul_kernel`)."""

_INSTRUCTIONS = {1: "llvm.x86.pclmulqdq", 2: "llvm.x86.pclmulqdq.256", 4: "llvm.x86.pclmulqdq.512"}


def lanes() -> int:
    """How many pairs of words the processor multiplies at once: 4, 2 or 1; 0 if it has no such instruction, or numba does not use it."""
    features = set(cpu_target.target_context.codegen().magic_tuple()[2].split(","))
    if "+pclmul" not in features:
        return 0
    if {"+vpclmulqdq", "+avx512f"} <= features:
        return 4
    return 2 if {"+vpclmulqdq", "+avx2"} <= features else 1


def sum_of_products(lanes: int, *, broadcast: bool) -> Any:  # noqa: ANN401
    """A function for kernels: ``f(left, left_at, right, right_at, count, out, out_at)``.

    It writes sums over i < count of products of words without carries, 128 bit each: for pair v and word h of a pair those of
    left[i, v, h] and right[i, v, h], to out[2 v + h]. And that for ``lanes`` elements side by side.

    The arrays are flat, uint64, contiguous, and begin at ``..._at``. The shape of ``right`` is (count, PAIRS, POINTS, 2), that of ``out``
    (2 PAIRS, POINTS, 2), of which the first ``lanes`` points are touched. ``left`` is like ``right``; or with ``broadcast`` the same
    for all points, and of shape (count, PAIRS, 2).
    """
    word, pair = ir.IntType(64), ir.VectorType(ir.IntType(64), 2)
    vector = ir.VectorType(word, 2 * lanes)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401
        left, right, out = (context.make_array(signature.args[k])(context, builder, args[k]).data for k in (0, 2, 5))
        left_at, right_at, count, out_at = (args[k] for k in (1, 3, 4, 6))
        multiply = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, (vector, vector, ir.IntType(8))), _INSTRUCTIONS[lanes]
        )

        def place(array: Any, *terms: Any, kind: Any) -> Any:  # noqa: ANN401
            at = terms[0]
            for term in terms[1:]:
                at = builder.add(at, term)
            return builder.bitcast(builder.gep(array, [at]), kind.as_pointer())

        def load(array: Any, start: Any, i: Any, v: int, points: int) -> Any:  # noqa: ANN401
            kind = vector if points > 1 else pair
            step = builder.mul(i, i.type(2 * PAIRS * points))
            loaded = builder.load(place(array, start, step, i.type(2 * v * points), kind=kind), align=8)
            if points > 1:
                return loaded
            mask = ir.Constant(ir.VectorType(ir.IntType(32), 2 * lanes), [0, 1] * lanes)
            return builder.shuffle_vector(loaded, loaded, mask)

        sums = [cgutils.alloca_once_value(builder, ir.Constant(vector, None)) for _ in range(2 * PAIRS)]
        with cgutils.for_range(builder, count) as loop:
            for v in range(PAIRS):
                one = load(left, left_at, loop.index, v, 1 if broadcast else POINTS)
                other = load(right, right_at, loop.index, v, POINTS)
                for h, choice in enumerate((0x00, 0x11)):  # the low words of both pairs; the high ones
                    product = builder.call(multiply, (one, other, ir.Constant(ir.IntType(8), choice)))
                    builder.store(builder.xor(builder.load(sums[2 * v + h]), product), sums[2 * v + h])
        for j, total in enumerate(sums):
            builder.store(builder.load(total), place(out, out_at, out_at.type(2 * POINTS * j), kind=vector), align=8)
        return context.get_dummy_value()

    @intrinsic
    def products(typingctx: Any, left: Any, left_at: Any, right: Any, right_at: Any, count: Any, out: Any, out_at: Any) -> Any:  # noqa: ANN401
        del typingctx, left_at, right_at, count, out_at
        return types.void(left, types.int64, right, types.int64, types.int64, out, types.int64), generate

    return products
