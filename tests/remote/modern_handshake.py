"""The handshake of multiprocessing.connection in Python 3.12 and later, for a Python that is older.

    import modern_handshake
    connection = modern_handshake.Client(("127.0.0.1", port), authkey=b"secret", digest="sha256")
    connection = modern_handshake.accept(listener, authkey=b"secret")

The framing is that of the installed Python, whose Listener and Client are used without a key.
"""

import hmac
import os
from multiprocessing import AuthenticationError
from multiprocessing import connection as old

DIGESTS = {"md5": 16, "sha256": 32, "sha384": 48, "sha3_256": 32, "sha3_384": 48}


def split(message):
    """The digest that a message names, and what follows it. Messages of 16 and 20 bytes are of the old generation."""
    if len(message) in (16, 20):
        return "md5", message, False
    name, brace, rest = message.partition(b"}")
    name = name[1:].decode("ascii")
    if not message.startswith(b"{") or not brace or name not in DIGESTS:
        raise AuthenticationError(f"no known digest in {message!r}")
    return name, rest, True


def challenge(connection, authkey, digest):
    message = b"{" + digest.encode() + b"}" + os.urandom(40)
    connection.send_bytes(b"#CHALLENGE#" + message)
    name, mac, _ = split(connection.recv_bytes(256))
    if not hmac.compare_digest(hmac.new(authkey, message, name).digest(), mac):
        connection.send_bytes(b"#FAILURE#")
        raise AuthenticationError("digest received was wrong")
    connection.send_bytes(b"#WELCOME#")


def answer(connection, authkey):
    message = connection.recv_bytes(256)
    if not message.startswith(b"#CHALLENGE#"):
        raise AuthenticationError(f"expected a challenge, not {message!r}")
    name, _, modern = split(message[11:])
    mac = hmac.new(authkey, message[11:], name).digest()
    connection.send_bytes(b"{" + name.encode() + b"}" + mac if modern else mac)
    if connection.recv_bytes(256) != b"#WELCOME#":
        raise AuthenticationError("digest sent was rejected")


def Client(address, authkey, digest="sha256"):
    connection = old.Client(address)
    answer(connection, authkey)
    challenge(connection, authkey, digest)
    return connection


def accept(listener, authkey, digest="sha256"):
    connection = listener.accept()
    challenge(connection, authkey, digest)
    answer(connection, authkey)
    return connection
