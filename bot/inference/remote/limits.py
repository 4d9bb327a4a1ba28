"""How long a remote backend waits, and how often it tries."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteLimits:
    """Times in seconds.

    Attributes:
        seconds: the whole wait for an answer, loading included; the server is told.
        connect_seconds: for a connection.
        read_seconds: for the next sign of life on a connection. Servers send comments more often than that.
        poll_seconds: between two questions for the status.
        refusal_seconds: a request that nobody has accepted is tried again for this long, so that a refusal still comes
            before the interaction has to be deferred.
        again_seconds: the same after a stream has broken off: a server may take this long to come back.
        tries: the most streams that are opened for one request.
        failures: in a row, after which an address is not asked for a while.
        recovery_seconds: that while. A poll that is answered ends it earlier.
        drain_seconds: a stop waits this long for accepted requests.
        ending_seconds: so long before, it ends the texts that are being written.
    """

    seconds: float = 720.0
    connect_seconds: float = 2.0
    read_seconds: float = 30.0
    poll_seconds: float = 3.0
    refusal_seconds: float = 1.0
    again_seconds: float = 10.0
    tries: int = 3
    failures: int = 3
    recovery_seconds: float = 5.0
    drain_seconds: float = 15.0
    ending_seconds: float = 5.0
