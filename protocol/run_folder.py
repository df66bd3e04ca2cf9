"""The folder of one run: where things stand, and whether they are what they were.

::

    link.yaml            what was run
    manifest.json        public facts, written last: a run without it is unfinished
    alice/ bob/          rounds.log, events.jsonl, chain.key, manifest.json, and ``characterised`` once the data are burned for keys
    public/              rounds.log, events.jsonl, manifest.json
    truth/               what the simulation knows (simulated runs only)
    blocks.db            QCoDeS, one row a block
    engine.log report.html

Nothing in here compares the parties' rounds; that is left to :mod:`.join`.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError, LogCorrupt
from .durable_file import sync_directory, write_atomic
from .frames import KEY_SIZE, PUBLIC_KEY
from .log_contents import PARTIES, LogHeader
from .log_reader import LogContents, read_header, read_log
from .log_writer import LogClosed, RoundLogWriter
from .manifest import LogFacts, compare, facts_of, party_manifest, run_manifest
from .round_array import RoundArray

_logger = logging.getLogger(__name__)

_PRIVATE = ("alice", "bob")
_BURNED = b"Rounds of this run were looked at together with the other party's. No key may be made from them.\n"


def _check_party(party: str) -> None:
    if party not in PARTIES:
        raise ConfigError(f"there is no party {party!r}; it is one of {', '.join(PARTIES)}")


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run.

    Args:
        path: the run's folder; need not exist.
    """

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))

    @property
    def link_yaml(self) -> Path:
        """The link file that was run, resolved."""
        return self.path / "link.yaml"

    @property
    def manifest(self) -> Path:
        """Public facts about the finished run."""
        return self.path / "manifest.json"

    @property
    def truth(self) -> Path:
        """Folder of what only the simulation can know."""
        return self.path / "truth"

    @property
    def blocks_db(self) -> Path:
        """The run's own QCoDeS database."""
        return self.path / "blocks.db"

    @property
    def engine_log(self) -> Path:
        """Python logging of the run."""
        return self.path / "engine.log"

    @property
    def report(self) -> Path:
        """The report of the run."""
        return self.path / "report.html"

    def party_folder(self, party: str) -> Path:
        """The folder of a party (``alice``, ``bob`` or ``public``).

        Raises:
            ConfigError: there is no such party.
        """
        _check_party(party)
        return self.path / party

    def log(self, party: str) -> Path:
        """A party's round log."""
        return self.party_folder(party) / "rounds.log"

    def events(self, party: str) -> Path:
        """A party's state changes, with their causes; ``public`` is the heralding station."""
        return self.party_folder(party) / "events.jsonl"

    def chain_key(self, party: str) -> Path:
        """The file with the secret key of a party's log; there is none for the public log."""
        return self.party_folder(party) / "chain.key"

    def party_manifest(self, party: str) -> Path:
        """The manifest in a party's folder, with the head of its chain."""
        return self.party_folder(party) / "manifest.json"

    @classmethod
    def create(cls, path: Path | str, link_yaml: str | None = None) -> RunFolder:
        """Make a new run folder with its subfolders and fresh chain keys; it appears whole or not at all.

        Args:
            path: must not exist, or be an empty folder.
            link_yaml: text to store as ``link.yaml``.

        Raises:
            ConfigError: the path is taken, or no folder can be made there.
        """
        target = Path(path)
        cls.require_free(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = cls(Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")))
            try:
                draft._fill(link_yaml)
                if target.exists():
                    target.rmdir()
                draft.path.rename(target)
            finally:
                shutil.rmtree(draft.path, ignore_errors=True)
            sync_directory(target.parent)
        except OSError as error:
            raise ConfigError(f"{target}: cannot make the run folder ({error.strerror}); choose another output folder") from error
        return cls(target)

    @staticmethod
    def require_free(path: Path) -> None:
        """See that a new run folder can stand at ``path``.

        Raises:
            ConfigError: something does already.
        """
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise ConfigError(f"{path}: this exists and is not an empty folder; choose another output folder, or resume the run in it")

    def _fill(self, link_yaml: str | None) -> None:
        for party in PARTIES:
            self.party_folder(party).mkdir(mode=0o700)
        for party in _PRIVATE:
            handle = os.open(self.chain_key(party), os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
            with open(handle, "wb") as file:
                file.write(secrets.token_bytes(KEY_SIZE))
                file.flush()
                os.fsync(file.fileno())
            sync_directory(self.party_folder(party))
        if link_yaml is not None:
            self.link_yaml.write_text(link_yaml, encoding="utf-8")

    def key(self, party: str) -> bytes:
        """The chain key of a party's log: 32 bytes, or :data:`~.frames.PUBLIC_KEY`.

        Raises:
            ConfigError: there is no such party.
            LogCorrupt: the key file does not hold a key.
        """
        path = self.chain_key(party)
        if party == "public":
            return PUBLIC_KEY
        key = path.read_bytes() if path.is_file() else b""
        if len(key) != KEY_SIZE:
            raise LogCorrupt(f"{path}: a chain key has {KEY_SIZE} bytes, here are {len(key)}; restore the file from a copy")
        return key

    def _existing_log(self, party: str) -> Path:
        path = self.log(party)
        if not path.is_file():
            raise ConfigError(f"{self.path}: not the folder of a run, or of one that never began: there is no {party}/{path.name} in it")
        return path

    def read_header(self, party: str) -> LogHeader:
        """The header of a party's log.

        Raises:
            ConfigError: this is not the folder of a run, or there is no such party.
            LogCorrupt: it is damaged.
        """
        return read_header(self._existing_log(party), self.key(party))

    def read_log(self, party: str) -> LogContents:
        """Read and verify one party's log, finished or not.

        Raises:
            ConfigError: this is not the folder of a run, or there is no such party.
            LogCorrupt: it is damaged, or the run is finished and its log does not agree with the manifest.
        """
        contents = self._read(party)
        if self.is_finished:
            compare(self.party_manifest(party), party_manifest(facts_of(self.log(party), contents)))
        return contents

    @property
    def is_finished(self) -> bool:
        """The run came to its end: all logs were closed and the manifest was written."""
        return self.manifest.is_file()

    def write_manifest(self) -> None:
        """Finish the run: verify the closed logs and write each party's manifest, then the run's. May be repeated after a crash.

        Raises:
            ConfigError: a log is not there.
            LogCorrupt: a log was not closed, misses a round, is damaged, or belongs to another run.
        """
        facts = {party: self._facts(party) for party in PARTIES}
        manifest = run_manifest(facts)
        for party in PARTIES:
            write_atomic(self.party_manifest(party), party_manifest(facts[party]))
        write_atomic(self.manifest, manifest)

    def finish(self) -> None:
        """Complete the end of a run that broke off when some of its logs were closed already: close the others, write the manifest.

        Raises:
            ConfigError: no log was closed yet, so the run is to be resumed; or a log is not there, or still being written.
            LogCorrupt: as :meth:`write_manifest`.
        """
        if not any(self._read(party).closed for party in PARTIES):
            raise ConfigError(f"{self.path}: the run had not come to its end; resume it")
        for party in PARTIES:
            with suppress(LogClosed):
                RoundLogWriter.reopen(self.log(party), self.key(party)).close()
        self.write_manifest()

    def verify(self) -> None:
        """Check that all logs and manifests of a finished run are what they were, to the byte.

        Raises:
            ConfigError: the run is not finished, so there is nothing to check it against.
            LogCorrupt: something was changed or damaged, and where.
        """
        if not self.is_finished:
            raise ConfigError(f"{self.path}: the run has no {self.manifest.name}, so it is not finished; resume it first")
        facts = {party: self._facts(party) for party in PARTIES}
        for party in PARTIES:
            compare(self.party_manifest(party), party_manifest(facts[party]))
        compare(self.manifest, run_manifest(facts))

    def _facts(self, party: str) -> LogFacts:
        """Keeps counts and the head of one log; the records are let go before the next party's are read."""
        return facts_of(self.log(party), self._read(party))

    def _read(self, party: str) -> LogContents:
        path = self._existing_log(party)
        contents = read_log(path, self.key(party))
        if contents.header.party != party:
            raise LogCorrupt(f"{path}: this is the log of {contents.header.party}; put it back where it belongs")
        return contents

    def _marks(self) -> list[Path]:
        return [self.party_folder(party) / "characterised" for party in _PRIVATE]

    def mark_characterised(self) -> None:
        """Note, durably and in both private folders, that no key may be made from this run. There is no way back."""
        for mark in self._marks():
            if not mark.exists():
                write_atomic(mark, _BURNED)

    @property
    def is_characterised(self) -> bool:
        """The parties' rounds were looked at together."""
        return any(mark.exists() for mark in self._marks())


def load_run(directory: Path | str, party: str) -> RoundArray:
    """The verified rounds of one party.

    An unfinished run can be looked at as well: ``finished`` of the result is then False, and the log says so.

    Args:
        directory: the run's folder.
        party: ``alice``, ``bob`` or ``public`` (which also holds the vetoed heralds).

    Raises:
        ConfigError: that is not the folder of a run, or there is no such party.
        LogCorrupt: the log is damaged, or differs from the manifest.
    """
    folder = RunFolder(Path(directory))
    contents = folder.read_log(party)
    if not folder.is_finished:
        _logger.info("%s: an unfinished run; %s's log ends with %d torn bytes", folder.path, party, contents.torn_bytes)
    return RoundArray.of(contents.records, contents.header, folder.is_finished)
