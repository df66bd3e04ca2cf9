"""The polarimeter role: the polarisation of the light that reaches it."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, NamedTuple

from qcodes.validators import Numbers

from ..errors import DeviceFault, NotReady
from .base import Role, Tolerance, as_limits
from .parameter import RoleParameter


class Polarisation(NamedTuple):
    """One reading.

    With the amplitudes H and V: S1 = |H|^2 - |V|^2, S2 = 2 Re(H* V), S3 = 2 Im(H* V), over the power of the polarised part, so that the
    three are a point on the Poincare sphere.

    Attributes:
        s1: horizontal 1, vertical -1.
        s2: diagonal 1, antidiagonal -1.
        s3: circular, V a quarter of a period behind H 1, before it -1.
        degree: of polarisation, 0 to 1; noise may lead a little beyond.
        power: of all the light, W.
    """

    s1: float
    s2: float
    s3: float
    degree: float
    power: float

    @property
    def azimuth(self) -> float:
        """Of the ellipse's long axis, rad, -pi/2 to pi/2."""
        return math.atan2(self.s2, self.s1) / 2

    @property
    def ellipticity(self) -> float:
        """Angle of the ellipse, rad, -pi/4 to pi/4."""
        return math.asin(max(-1.0, min(1.0, self.s3))) / 2


class Polarimeter(Role):
    """A polarimeter, e.g. for reference light at the end of a fibre. It sends nothing out, so any state is safe.

    Args:
        wavelength_limits: m.
        power_limits: of light that it can judge, W: less is noise, more saturates it.
        *args: see :class:`~.base.Role`.
        **kwargs: see :class:`~.base.Role`.
    """

    role = "polarimeter"
    wavelength_tolerance: ClassVar[Tolerance] = Tolerance(absolute=1e-10)
    """How far the device may round the wavelength, m."""
    most_polarised: ClassVar[float] = 1.05
    """Larger degrees of polarisation are no noise, but a fault of calibration."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - cooperative constructor
        wavelength_limits: Iterable[float],
        power_limits: Iterable[float] = (1e-9, 1e-2),
        **kwargs: Any,  # noqa: ANN401 - cooperative constructor
    ) -> None:
        super().__init__(*args, **kwargs)
        self.wavelength_limits = as_limits(f"{self.full_name}.wavelength_limits", wavelength_limits)
        self.power_limits = as_limits(f"{self.full_name}.power_limits", power_limits)
        self.wavelength: RoleParameter[float] = self.add_parameter(
            "wavelength",
            RoleParameter,
            read=self._read_wavelength,
            write=self.set_wavelength,
            unit="m",
            vals=Numbers(*self.wavelength_limits),
            docstring="Control the wavelength for which the device works out its retarder (m).",
        )
        for name, unit, what in (
            ("azimuth", "rad", "azimuth of the polarisation ellipse (rad)"),
            ("ellipticity", "rad", "ellipticity of the polarisation ellipse (rad)"),
            ("degree", "", "degree of polarisation (dimensionless)"),
            ("power", "W", "power of the light (W)"),
        ):
            self.add_parameter(
                name,
                RoleParameter,
                read=lambda name=name: getattr(self.measure(), name),
                unit=unit,
                snapshot_get=False,
                docstring=f"Measure the {what}.",
            )

    def set_wavelength(self, value: float) -> None:
        """Tell the device the wavelength of the light, m; with a wrong one its retarder is not what it takes it for.

        Raises:
            ConfigError: outside the limits; the device has not been touched.
            DeviceFault: the device took another value.
        """
        self._set_checked(
            self.wavelength, value, self.wavelength_limits, self._do_set_wavelength, self._do_wavelength, self.wavelength_tolerance
        )

    def measure(self) -> Polarisation:
        """Measure the light that falls on the device now.

        Raises:
            NotReady: there is too little light to say anything.
            DeviceFault: there is too much, or the reading is no polarisation.
        """
        with self.lock:
            found = self._do_measure()
        least, most = self.power_limits
        if not all(map(math.isfinite, found)):
            raise DeviceFault(self.full_name, "a reading is no number; check the device")
        if found.power < least:
            raise NotReady(f"{self.full_name}: {found.power:.2g} W of light, a reading needs {least:.2g} W; check light and path")
        if found.power > most:
            raise DeviceFault(self.full_name, f"{found.power:.2g} W of light saturate it, {most:.2g} W are allowed; attenuate the light")
        length = math.hypot(found.s1, found.s2, found.s3)
        if abs(length - 1) > 1e-3 or not 0 <= found.degree <= self.most_polarised:
            raise DeviceFault(
                self.full_name,
                f"Stokes parameters of length {length:.3f} and a degree of polarisation of {found.degree:.3f} are no light; "
                "calibrate the device, or set its wavelength",
            )
        return found

    def _read_wavelength(self) -> float:
        with self.lock:
            return self._do_wavelength()

    def _role_reasons(self) -> Iterator[str]:
        low, high = self.wavelength_limits
        if not low <= self._do_wavelength() <= high:
            yield "its wavelength is outside its limits"

    def _do_make_safe(self) -> None:
        """Nothing to do: it only looks."""

    def _require_safe(self) -> None:
        self._read_wavelength()  # that it answers is all that can be asked

    @abstractmethod
    def _do_set_wavelength(self, value: float) -> None:
        """Set the wavelength, m."""

    @abstractmethod
    def _do_wavelength(self) -> float:
        """Ask the device for its wavelength, m."""

    @abstractmethod
    def _do_measure(self) -> Polarisation:
        """Take one reading of light that falls on it from now on: Stokes parameters of length 1, degree, power in W."""
