"""The random source role: three ways to draw, one set of health tests, and no bit in the open."""

import logging

import pytest

from eventready.errors import ConfigError, DeviceFault, DeviceProtocolError, KeyPoolError
from eventready.instruments import LatchedInput
from eventready.instruments.health import STARTUP_SAMPLES
from eventready.instruments.mock import MockRandomSource

pytestmark = pytest.mark.usefixtures("close_instruments")


def test_draw_takes_fresh_bits_each_time():
    source = MockRandomSource("q", data=bytes([0b1010_0110, 0xFF, 0x34, 0x12]))
    assert source.draw(3) == 0b110
    assert source.draw(1) == 1  # of the second byte: what was left of the first one is gone
    assert source.draw(16) == 0x1234
    assert [call.arguments for call in source.calls if call.name == "read"][1:] == [(1,), (1,), (2,)]


def test_the_startup_test_uses_up_samples():
    """SP 800-90B, section 4.3: at least 1024 samples are tested and thrown away before the first is used."""
    for sample_bits, n_bytes in ((1, STARTUP_SAMPLES // 8), (8, STARTUP_SAMPLES)):
        source = MockRandomSource(f"q{sample_bits}", sample_bits=sample_bits, min_entropy=float(sample_bits))
        source.draw(1)
        source.fill_pool(10)
        assert [call.arguments[0] for call in source.calls] == [n_bytes, 1, 10]
        source.reset_health()
        source.draw(1)
        assert source.calls[-2].arguments == (n_bytes,)


def test_positions_go_on_across_fillings():
    source = MockRandomSource("q", data=bytes(range(1, 11)))
    source.fill_pool(4)
    assert source.take(0, 2) == b"\x01\x02"
    source.fill_pool(6)
    assert source.take(3, 3) == b"\x04\x05\x06"
    with pytest.raises(KeyPoolError, match="a second time"):
        source.take(5, 1)
    with pytest.raises(KeyPoolError, match="used up"):
        source.take(6, 5)
    assert source.take(6, 4) == b"\x07\x08\x09\x0a"
    assert source.pool_bytes() == 0


@pytest.mark.parametrize("use", [lambda s: s.draw(1), lambda s: s.fill_pool(1), lambda s: s.take(2, 1), lambda s: s.read_latched()])
def test_an_alarm_stops_everything_until_reset(use):
    source = MockRandomSource("q", latch_bits=1)
    source.fill_pool(16)
    source.take(0, 2)
    source.latch([LatchedInput(0, 5)])
    source.state.stuck_at = 0
    with pytest.raises(DeviceFault, match="SP 800-90B repetition count test failed; inspect the source"):
        source.draw(64)
    source.state.stuck_at = None
    with pytest.raises(DeviceFault, match="reset_health"):
        use(source)
    assert source.pool_bytes() == 0
    assert source.readiness() == (False, ("SP 800-90B repetition count test failed",))
    source.reset_health()
    source.draw(1)
    source.fill_pool(1)
    assert len(source.take(16, 1)) == 1
    assert source.read_latched() == (0, 5)


def test_a_short_read_is_not_padded():
    source = MockRandomSource("q", script={"read": [bytes(100)]})
    with pytest.raises(DeviceProtocolError, match="asked for 128 bytes, got 100"):
        source.draw(1)


@pytest.mark.parametrize("n", [0, -1])
def test_nothing_cannot_be_drawn(mock_random_source, n):
    with pytest.raises(ConfigError):
        mock_random_source.draw(n)
    with pytest.raises(ConfigError):
        mock_random_source.fill_pool(n)
    assert mock_random_source.calls == []


def test_a_latch_is_as_wide_as_it_says():
    source = MockRandomSource("q", latch_bits=2)
    source.latch([LatchedInput(3, 1), LatchedInput(4, 2)])
    assert source.read_latched() == (3, 1)
    with pytest.raises(DeviceProtocolError, match="more than 2 bits") as caught:
        source.read_latched()
    assert "4" not in str(caught.value)
    with pytest.raises(ConfigError, match="latch_bits"):
        MockRandomSource("r", latch_bits=0)


def test_a_latch_does_not_come_again():
    source = MockRandomSource("q")
    source.latch([LatchedInput(1, 7), LatchedInput(1, 7)])
    source.read_latched()
    with pytest.raises(DeviceFault, match="7 ps after one of 7 ps"):
        source.read_latched()


def test_a_stuck_latch_raises_the_alarm():
    source = MockRandomSource("q")
    source.latch([LatchedInput(1, time_ps) for time_ps in range(41)])  # the cut-off at H = 1 and 2^-40
    for _ in range(40):
        source.read_latched()
    with pytest.raises(DeviceFault, match="repetition count test failed"):
        source.read_latched()


def test_no_bit_in_the_open(caplog):
    """Neither log, repr, snapshot nor parameters show what was drawn, at any level of logging."""
    caplog.set_level(logging.DEBUG)
    marker = bytes([0xC3, 0x5A, 0x99, 0xE1, 0x7B, 0x2D, 0x86, 0x4F])
    source = MockRandomSource("q", data=marker * 3, latch_bits=8)
    source.latch([LatchedInput(0xB7, 17)])
    drawn = source.draw(64)
    source.fill_pool(16)
    latched = source.read_latched()
    shown = " ".join(
        [caplog.text, repr(source), str(source.snapshot(update=True)), repr(latched), f"{latched}", str(vars(source)["parameters"])]
    )
    source.take(0, 16)
    assert drawn == int.from_bytes(marker, "little")
    assert latched.bits == 0xB7
    for secret in (drawn, 0xB7):
        assert str(secret) not in shown
        assert f"{secret:x}" not in shown.lower()
    assert marker.hex() not in shown
    assert str(marker) not in shown


def test_safe_means_no_byte_is_left(mock_random_source):
    mock_random_source.fill_pool(8)
    mock_random_source.make_safe()
    assert mock_random_source.pool_bytes() == 0
    mock_random_source.fill_pool(1)
    assert len(mock_random_source.take(8, 1)) == 1
