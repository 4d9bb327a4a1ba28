"""`python -m bot serve`: inference on Ray Serve, on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import re
import signal
import socket
from collections.abc import Iterator
from typing import Any

from bot.app import chosen_preset
from bot.errors import GlassboxError, SettingsError
from bot.inference.checkpoints.catalogue import Preset
from bot.inference.serving.groups import Grouping, Scaling
from bot.locales.message import later
from bot.operating.address import Address
from bot.operator_lines import say
from bot.serving import Arguments, build_with
from bot.settings import Settings
from bot.stopping import end_within, stop_signals

APPLICATION = "glassbox"
MARGIN_SECONDS = 60.0
"""How much longer a stop may take than its wait for running requests."""
BROKEN = 70


def address_of(text: str) -> Address:
    """Read SERVE_ADDRESS.

    Raises:
        SettingsError: it is no address.
    """
    try:
        address = Address.parse(text)
    except ValueError:
        address = None
    if address is None or not address.port:
        raise SettingsError(later("SERVE_ADDRESS must be host:port, such as 127.0.0.1:8000."))
    return address


def is_loopback(address: Address) -> bool:
    """Return whether only this machine can reach it."""
    return address.host in ("localhost", "::1") or address.host.startswith("127.")


def check(address: Address) -> None:
    """Raise `SettingsError` if it cannot be listened on."""
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
    except OSError:
        raise SettingsError(
            later(
                "SERVE_ADDRESS: port {port} is taken or not allowed, or this machine does not have that address. "
                "Choose another, such as 127.0.0.1:8001.",
                port=address.port,
            )
        ) from None


def serve_inference(settings: Settings, replicas: int | None) -> None:
    """Serve until SIGINT or SIGTERM, then answer what is running.

    Args:
        replicas: None takes one for each GPU, or one on the CPU.

    Raises:
        SettingsError: a setting cannot be used, or Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise SettingsError(later('Ray is not installed. Install it with: pip install "glassbox-bot[ray]"'))
    address = address_of(settings.serve_address)
    if settings.inference_key is None and not is_loopback(address):
        raise SettingsError(
            later(
                "INFERENCE_KEY is not set, and SERVE_ADDRESS lets other machines in. Set a long random key, such as "
                'python -c "import secrets; print(secrets.token_hex(32))" prints.'
            )
        )
    preset = chosen_preset(settings, "course")
    check(address)
    from bot.inference.serving.local_cluster import local_cluster

    with _until_stopped(), local_cluster(address.host, address.port, _environment(settings)):
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # instead of Ray's own
        _run(settings, preset, address, replicas)
    say("Stopped.")


@contextlib.contextmanager
def _until_stopped() -> Iterator[None]:
    """End the body, which may still be starting for a minute, at SIGINT or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass
    except SystemExit as end:  # Ray's handler of SIGTERM ends with the signal's number
        if end.code != signal.SIGTERM:
            raise


def _run(settings: Settings, preset: Preset, address: Address, replicas: int | None) -> None:
    from ray import serve

    scaling = _scaling(settings, replicas)
    _check_devices(settings, scaling)
    ingress = Scaling(min_replicas=1, max_replicas=1, max_ongoing_requests=2_000, num_cpus=0)
    arguments = Arguments(scaling=scaling, grouping=Grouping.TOGETHER, ingress=ingress)
    try:
        serve.run(build_with(settings, preset, arguments), name=APPLICATION, route_prefix="/")
    except RuntimeError:  # its text is Ray's, with tracebacks
        raise SettingsError(later("Ray could not start the replicas. The lines above say why.")) from None
    number = f"{scaling.max_replicas} replica{'s' if scaling.max_replicas > 1 else ''}"
    key = "with INFERENCE_KEY" if settings.inference_key else "without a key, for this machine only"
    line = (
        f"Serving the preset {preset.name} at http://{address}, {key}: {number} on {_where(scaling)}. Ctrl-C stops it."
    )
    say(line)
    asyncio.run(_until_told_to_stop())
    say("Stopping: what is running is answered first.")
    end_within(settings.drain_seconds + MARGIN_SECONDS, BROKEN)
    _drain(settings.drain_seconds)


async def _until_told_to_stop() -> None:
    with stop_signals() as stop:
        await stop.wait()


def _drain(seconds: float) -> None:
    """Let the ingress refuse everything new, and wait for what it has."""
    from ray import serve

    ingress: Any = serve.get_deployment_handle("ingress", APPLICATION)
    with contextlib.suppress(Exception):  # whatever is wrong with it, the stop goes on
        ingress.broadcast("drain", seconds).results(timeout_s=seconds + 5, return_exceptions=True)


def _scaling(settings: Settings, replicas: int | None) -> Scaling:
    """Return one replica for each GPU, or those that are wanted; they share the GPUs or the cores evenly."""
    import ray

    gpus = int(ray.cluster_resources().get("GPU", 0)) if _wants_gpus(settings) else 0
    number = replicas or max(1, gpus)
    share = gpus / number if gpus < number else float(gpus // number)
    return Scaling(
        min_replicas=number,
        max_replicas=number,
        # Ray tells PyTorch to use as many threads.
        num_cpus=max(1, (os.cpu_count() or 1) // number) if number <= (os.cpu_count() or 1) else 0,
        num_gpus=share,
        devices=None if gpus else settings.devices,
    )


def _wants_gpus(settings: Settings) -> bool:
    return settings.devices == "auto" or settings.devices.startswith("cuda")


def _where(scaling: Scaling) -> str:
    if not scaling.num_gpus:
        return "the CPU" if scaling.devices in ("auto", "cpu") else str(scaling.devices)
    return f"{scaling.num_gpus:g} GPU{'s' if scaling.num_gpus > 1 else ''} each"


def _check_devices(settings: Settings, scaling: Scaling) -> None:
    """Raise `SettingsError` if the device or the precision is not available.

    In a process of Ray's, which alone imports PyTorch, and where GPUs are numbered as they are for a replica.
    """
    import ray

    names = scaling.device_names or settings.devices
    check = ray.remote(_fault).options(num_cpus=0, num_gpus=scaling.num_gpus)
    if (fault := ray.get(check.remote(names, settings.precision))) is not None:
        raise SettingsError(fault)


def _fault(devices: str, precision: str) -> str | None:
    from bot.inference.compute.device import Device

    try:
        Device.choose_all(devices, precision)
    except GlassboxError as error:
        return error.sentence
    return None


def _environment(settings: Settings) -> dict[str, str]:
    """Return what Ray's processes need of the settings: they inherit this environment, and may not find the file."""
    chosen: dict[str, str] = {}
    if settings.inference_key is not None:
        chosen["INFERENCE_KEY"] = settings.inference_key.get_secret_value()
    if indices := re.findall(r"cuda:(\d+)", settings.devices):
        chosen["CUDA_VISIBLE_DEVICES"] = ",".join(indices)
    return chosen
