"""Where the files of a key pool are."""

from __future__ import annotations

from pathlib import Path

from ...errors import ConfigError, KeyPoolError
from ..durable_file import sync_directory, write_atomic
from .material import PoolMaterial


class PoolFolder:
    """The folder of one party's pool.

    Attributes:
        path: the folder.
        material: the pre-shared bits.
        journal: what was given out.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.material = path / "material.bin"
        self.journal = path / "journal.log"

    def generated_key(self, sequence: int) -> Path:
        """The file of the generated key that the journal's entry ``sequence`` brought."""
        return self.path / "generated" / f"{sequence:010d}.key"

    def require_empty(self) -> None:
        """A pool can be made here.

        Raises:
            ConfigError: there is something already.
        """
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise ConfigError(f"{self.path}: there is something here already, and a key pool is never written over; choose another folder")

    def make(self) -> None:
        """Make the folder, mode 0700.

        Raises:
            ConfigError: there is something in it.
            OSError: it cannot be made.
        """
        self.require_empty()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        sync_directory(self.path.parent)

    def make_generated(self) -> None:
        """Make the folder of generated keys, if there is none."""
        self.generated_key(0).parent.mkdir(mode=0o700, exist_ok=True)
        sync_directory(self.path)

    def write_material(self, material: PoolMaterial) -> None:
        """Write the pre-shared bits, durably, mode 0600."""
        write_atomic(self.material, material.encode())

    def read_material(self) -> PoolMaterial:
        """Read the pre-shared bits of a pool that has a journal.

        Raises:
            ConfigError: there is no pool here.
            KeyPoolError: there is one without a journal, or its material is damaged.
            OSError: it cannot be read.
        """
        if not self.material.is_file():
            raise ConfigError(f"{self.path}: there is no key pool here; make one with eventready keys init")
        if not self.journal.is_file():
            raise KeyPoolError(
                f"{self.path}: this pool has no journal, so nobody knows which of its bits were used. If it has never been used (making it "
                "was interrupted), delete the folders of both parties and make new pools; if it has, do so all the more"
            )
        return PoolMaterial.read(self.material)
