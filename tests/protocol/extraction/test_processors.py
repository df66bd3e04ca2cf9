"""Which kernels a processor gets. A wrong answer is fatal: LLVM ends the process when it lacks an instruction."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from eventready.protocol.extraction import clmul_intrinsic

PCLMUL, AVX2, AVX512 = "+64bit,+pclmul,+sse4.1", "+avx2,+vpclmulqdq", "+avx512f"


@pytest.mark.parametrize(
    ("features", "lanes"),
    [
        ("", 0),
        ("+neon,+aes", 0),
        ("+64bit,-pclmul,+avx2", 0),
        ("+avx2,+vpclmulqdq,-pclmul", 0),
        (PCLMUL, 1),
        (f"{PCLMUL},+avx2,-vpclmulqdq,+avx512f", 1),
        (f"{PCLMUL},+vpclmulqdq,-avx2", 1),
        (f"{PCLMUL},{AVX2},-avx512f", 2),
        (f"{PCLMUL},{AVX2},{AVX512}", 4),
    ],
)
def test_as_many_at_once_as_the_target_can(features, lanes, monkeypatch) -> None:
    codegen = SimpleNamespace(magic_tuple=lambda: ("triple", "name", features))
    target = SimpleNamespace(target_context=SimpleNamespace(codegen=lambda: codegen))
    monkeypatch.setattr(clmul_intrinsic, "cpu_target", target)
    assert clmul_intrinsic.lanes() == lanes


@pytest.mark.slow
@pytest.mark.parametrize(("features", "lanes"), [("", 0), (PCLMUL, 1), (f"{PCLMUL},+avx,{AVX2}", 2)])
def test_less_than_this_processor_can_gives_the_same_keys(features, lanes, tmp_path) -> None:
    """In a process of its own, where numba is told of another target; the comparison with the reference is made there."""
    if lanes > clmul_intrinsic.lanes():
        pytest.skip(f"this processor multiplies {clmul_intrinsic.lanes()} at a time")
    code = (
        "import pytest, sys; from eventready.protocol.extraction import clmul_intrinsic;"
        f"assert clmul_intrinsic.lanes() == {lanes};"
        "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-m', 'not slow', sys.argv[1], '-k', 'kernels or another_implementation']))"
    )
    environment = {**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code, os.path.join(os.path.dirname(__file__), "test_trevisan.py")]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=110)
    assert result.returncode == 0, result.stdout + result.stderr
