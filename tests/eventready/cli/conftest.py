"""Runs to report on: small real ones of both links, and ones made by hand for what the twin does not do by itself."""

import numpy as np
import pytest

from eventready.cli.report_data import collect, from_counts
from eventready.cli.report_html import render
from eventready.protocol.records import NO_INDEX, NOT_PUBLIC, RECORD_DTYPE, Flag
from eventready.protocol.round_log import PARTIES, LogHeader, RoundLogWriter
from eventready.protocol.run_folder import RunFolder
from eventready.stations.config import load_link
from eventready.stations.link import open_link


def run_link(path, name, rounds, purpose="characterise"):
    with open_link(name, seed=20) as link:
        link.run(path, rounds=rounds, purpose=purpose)
    return RunFolder(path)


@pytest.fixture(scope="session")
def munich_run(tmp_path_factory):
    return run_link(tmp_path_factory.mktemp("runs") / "munich", "munich", 150)


@pytest.fixture(scope="session")
def oxford_run(tmp_path_factory):
    return run_link(tmp_path_factory.mktemp("runs") / "oxford", "oxford", 3000)


@pytest.fixture(scope="session")
def key_run(tmp_path_factory):
    return run_link(tmp_path_factory.mktemp("runs") / "key", "oxford", 500, "key")


@pytest.fixture(scope="session")
def munich_report(munich_run):
    return collect(munich_run)


@pytest.fixture(scope="session")
def oxford_report(oxford_run):
    return collect(oxford_run)


@pytest.fixture(scope="session")
def key_report(key_run):
    return collect(key_run)


@pytest.fixture(scope="session")
def counts_report(tmp_path_factory):
    """The published counts of Zhang et al., Nature 607, 687 (2022)."""
    path = tmp_path_factory.mktemp("counts") / "counts.csv"
    path.write_text("X,Y,n,n_equal\n0,0,448,35\n1,1,412,32\n2,0,379,76\n3,0,434,73\n2,1,414,335\n3,1,416,63\n", encoding="utf-8")
    return from_counts(path)


@pytest.fixture(scope="session")
def pages(munich_report, oxford_report, key_report, counts_report):
    """report.html of each report."""
    return {
        "munich": render(munich_report),
        "oxford": render(oxford_report),
        "key": render(key_report),
        "counts": render(counts_report),
    }


@pytest.fixture
def make_munich(tmp_path):
    """A Munich run made by hand: ``rounds`` rounds of unrelated outcomes, ``vetoed`` heralds; ``flags`` are those of Bob's first rounds."""

    def make(rounds=40, *, vetoed=0, flags=(), finish=True, goal=None, hardware="twin", purpose="characterise"):
        config = load_link("munich")
        folder = RunFolder.create(tmp_path / "made", config.source_text)
        for number, party in enumerate(PARTIES):
            records = np.zeros(rounds + (vetoed if party == "public" else 0), RECORD_DTYPE)
            records["index"] = np.arange(len(records))
            records["herald_ps"] = (1 + np.arange(len(records))) * 82 * 10**12
            records["pattern"] = 0b0011
            if party == "public":
                records["setting"] = records["outcome"] = NOT_PUBLIC
                records["index"][rounds:], records["flags"][rounds:] = NO_INDEX, Flag.VETOED
            else:
                draws = np.random.default_rng([number, 3])
                records["setting"] = draws.integers(0, 4 if party == "alice" else 2, rounds)
                records["outcome"] = draws.integers(0, 2, rounds)
                records["flags"][: len(flags)] = flags if party == "bob" else 0
            header = LogHeader("made", party, config.digest, "5e9", hardware, purpose, {"rounds": goal or rounds, "host": "here"})
            writer = RoundLogWriter.create(folder.log(party), header, folder.key(party), fsync=lambda handle: None)
            for record in records:
                writer.append(record.tobytes())
            writer.commit()
            writer.close() if finish else writer.abandon()
        if finish:
            folder.write_manifest()
        return folder

    return make
