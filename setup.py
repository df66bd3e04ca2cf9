"""Map the root folders to the import package ``eventready``.

The folders stand at the root because people in a lab look for them there; they are installed as
``eventready.instruments`` and so on, since the plain names belong to other packages (``instruments`` is InstrumentKit's).
Everything else about the package is in pyproject.toml.
"""

from setuptools import find_packages, setup

ROOTS = ("instruments", "drivers", "twin", "sequences", "stations", "protocol", "station_configs")

setup(
    packages=find_packages("src")
    + [f"eventready.{package}" for root in ROOTS for package in (root, *(f"{root}.{sub}" for sub in find_packages(root)))],
    package_dir={"": "src", **{f"eventready.{root}": root for root in ROOTS}},
)
