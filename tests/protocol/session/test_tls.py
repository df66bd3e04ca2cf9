"""Two processes' worth of parties on a real line."""

import socket
import threading
from contextlib import suppress

import pytest

from eventready.errors import ConfigError, EventreadyError, SessionError
from eventready.protocol.session.certificate import make_certificate
from eventready.protocol.session.channel import LineClosed, converse
from eventready.protocol.session.tls import Identity, Listener, call

from .conftest import make_plan

HERE = ("127.0.0.1", 0)


@pytest.fixture(scope="module")
def identities(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    files = {name: make_certificate(name, folder) for name in ("alice", "bob", "eve")}
    return lambda me, peer: Identity(*files[me], files[peer][0])


def in_thread(job):
    result = {}

    def run():
        try:
            result["value"] = job()
        except EventreadyError as error:  # handed to the test
            result["error"] = error

    thread = threading.Thread(target=run)
    thread.start()

    def wait():
        thread.join(60)
        assert not thread.is_alive()
        return result

    return wait


def test_a_session_over_tls_gives_one_key(make_sides, identities):
    alice, bob = make_sides()
    listener = Listener(HERE, identities("alice", "bob"), 30)

    def be_alice():
        machine = alice.open()
        line = listener.accept(alice.plan)
        converse(machine, line)
        line.close()

    wait = in_thread(be_alice)
    line = call(listener.address, identities("bob", "alice"), bob.plan, 30)
    converse(bob.open(), line)
    assert wait() == {"value": None}
    line.close()
    listener.close()
    assert alice.keys() == bob.keys() and len(bob.keys()) == 1


def test_a_line_that_breaks_in_the_middle_is_taken_up_again(make_sides, identities):
    """Alice's end falls silent after her hello; both begin again."""
    alice, bob = make_sides()
    listener = Listener(HERE, identities("alice", "bob"), 30)

    def be_alice(messages):
        machine = alice.open()
        line = listener.accept(alice.plan)
        if messages:
            for raw in [*machine.sent(), *machine.advance()][:messages]:
                line.send(raw)
            line.close()
        else:
            converse(machine, line)
            line.close()

    for messages in (1, 0):
        wait = in_thread(lambda messages=messages: be_alice(messages))
        line = call(listener.address, identities("bob", "alice"), bob.plan, 30)
        machine = bob.open()
        if messages:
            with pytest.raises(LineClosed, match="begin again"):
                converse(machine, line)
        else:
            converse(machine, line)
        line.close()
        assert wait() == {"value": None}
    listener.close()
    assert alice.keys() == bob.keys() and len(bob.keys()) == 1


def test_a_stranger_is_sent_away_and_the_right_party_still_gets_through(identities):
    listener = Listener(HERE, identities("alice", "bob"), 30)
    plan = make_plan()
    wait = in_thread(lambda: listener.accept(plan))
    with socket.create_connection(listener.address, timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with suppress(ConnectionResetError):
            plain.recv(100)
    stranger = None
    try:
        stranger = call(listener.address, identities("eve", "alice"), plan, 10)
        stranger.receive()
        pytest.fail("a stranger was let in")
    except SessionError:
        pass
    finally:
        if stranger is not None:
            stranger.close()
    line = call(listener.address, identities("bob", "alice"), plan, 10)
    accepted = wait()["value"]
    accepted.send(b"hello")
    line.close()
    accepted.close()
    listener.close()


def test_a_false_server_is_not_talked_to(identities):
    listener = Listener(HERE, identities("eve", "bob"), 5)
    wait = in_thread(lambda: listener.accept(make_plan()))
    with pytest.raises(SessionError, match="agreed certificate"):
        call(listener.address, identities("bob", "alice"), make_plan(), 5)
    listener.close()
    assert isinstance(wait()["error"], LineClosed)


def test_old_tls_is_refused(identities):
    import ssl

    context = identities("alice", "bob").context(server=True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_3 and context.verify_mode == ssl.CERT_REQUIRED


def test_noise_instead_of_a_message_is_refused(identities):
    listener = Listener(HERE, identities("alice", "bob"), 10)
    plan = make_plan()
    wait = in_thread(lambda: listener.accept(plan))
    line = call(listener.address, identities("bob", "alice"), plan, 10)
    accepted = wait()["value"]
    line._line.sendall(b"x" * 100)
    with pytest.raises(SessionError, match="no message"):
        accepted.receive()
    for end in (line, accepted, listener):
        end.close()


def test_missing_and_double_certificates_are_told(tmp_path, identities):
    with pytest.raises(ConfigError, match="no certificate or key"):
        Identity(tmp_path / "a.crt", tmp_path / "a.key", tmp_path / "b.crt").context(server=True)
    make_certificate("one", tmp_path)
    with pytest.raises(ConfigError, match="never overwritten"):
        make_certificate("one", tmp_path)


def test_nobody_there_is_told(identities):
    with socket.create_server(HERE) as taken:
        address = taken.getsockname()
    with pytest.raises(LineClosed, match="nobody answers"):
        call(address, identities("bob", "alice"), make_plan(), 2)
