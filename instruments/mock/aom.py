"""An AOM on a mock source."""

from __future__ import annotations

from typing import Any

from ..aom import Aom, AomCalibration
from .rf import MockRfSource


class MockAom(Aom):
    """The real role on a :class:`~.rf.MockRfSource` of its own, ``mock_aom.source``.

    Args:
        name: of the AOM; the source is called ``<name>_source``.
        calibration: 1 W at saturation by default.
        **kwargs: for the source.
    """

    source: MockRfSource

    def __init__(self, name: str, calibration: AomCalibration | None = None, **kwargs: Any) -> None:  # noqa: ANN401 - for the source
        super().__init__(name, MockRfSource(f"{name}_source", **kwargs), calibration or AomCalibration(saturation_power_w=1.0))

    def close(self) -> None:
        """Close the source, too."""
        source = vars(self).get("source")  # gone after the first close
        if source is not None:
            source.close()
        super().close()
