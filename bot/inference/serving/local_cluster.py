"""A Ray cluster of this machine alone, that nothing outside it can reach."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

OBJECT_STORE = 100 * 2**20
"""Bytes. Nothing large goes through it: requests and answers are smaller than what Ray sends in its calls."""
LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def local_cluster(
    host: str, port: int, environment: Mapping[str, str] = MappingProxyType({}), *, num_cpus: int | None = None
) -> Iterator[None]:
    """Run Ray and Serve on this machine while the body runs.

    Ray's own processes listen on loopback, and take only callers who know a token that is made here; nothing is
    reported to Ray's makers, and there is no dashboard. Ray's files are in a temporary folder, which is deleted.

    Args:
        host: what Serve's proxy listens on.
        environment: of all processes of the cluster, and of this one while the body runs.
        num_cpus: a number that replicas' shares count against; the machine's cores if None.
    """
    with _environment(environment), tempfile.TemporaryDirectory(prefix="glassbox-ray-") as folder:
        import ray
        from ray import serve
        from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # in C

        # Otherwise the environment is read only when Ray is imported, which may have been before.
        Config.initialize("")
        AuthenticationTokenLoader.instance().reset_cache()
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        with _on_loopback():
            ray.init(
                address="local",
                num_cpus=num_cpus,
                object_store_memory=OBJECT_STORE,
                include_dashboard=False,
                logging_level=logging.WARNING,
                # Not the log of the processes: what they write to stderr.
                log_to_driver=True,
                namespace="glassbox",
                _temp_dir=str(Path(folder).resolve()),
                _node_ip_address=LOOPBACK,
            )
        try:
            serve.start(
                proxy_location="HeadOnly",
                http_options={"host": host, "port": port},
                logging_config={"log_level": "WARNING", "enable_access_log": False},
            )
            try:
                yield
            finally:
                _end_serve()
        finally:
            ray.shutdown()


def _end_serve() -> None:
    """Let the applications answer what they have, and end.

    `serve.shutdown` does the same, but Ray complains to stderr about the end of its controller.
    """
    from ray import serve
    from ray.serve import context

    for name in serve.status().applications:
        serve.delete(name)
    # Handles have a thread that goes on, and would start another Ray.
    client: Any = context._get_global_client()
    client.shutdown_cached_handles()
    context._set_global_client(None)


@contextlib.contextmanager
def _environment(more: Mapping[str, str]) -> Iterator[None]:
    """Set what Ray and its processes read from the environment."""
    chosen = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_DEDUP_LOGS": "0",
        # Serve's router gives a replica a tenth of that to say how busy it is, and a machine alone may be busy itself.
        "RAY_SERVE_QUEUE_LENGTH_RESPONSE_DEADLINE_S": "1",
        **more,
    }
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Let Ray take 127.0.0.1 for this node's address, as it does on macOS and Windows.

    On Linux it takes the address of an interface instead, and then all its processes listen on all interfaces.
    """
    from ray._private import services

    module: Any = services
    before = module.resolve_ip_for_localhost
    module.resolve_ip_for_localhost = lambda host: host
    try:
        yield
    finally:
        module.resolve_ip_for_localhost = before
