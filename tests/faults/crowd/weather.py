"""Discord's bad days: errors now and then, and connections of the gateway that break off."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from tests.discord_trouble import AFTER, BEFORE, Trouble
from tests.faults.crowd.server import CrowdedDiscord

ERRORS_SECONDS = 2.0
"""Between two requests that run into trouble, on average."""
DROP_SECONDS = 20.0
"""Between two ends of the gateway's connection."""
PATHS = (("POST", "/callback"), ("PATCH", "/messages/@original"), ("POST", r"/webhooks/\d+/[\w-]+"))


@dataclass
class Weather:
    """Trouble at random times, of all kinds that `tests.discord_trouble` knows.

    Attributes:
        errors, drops: how often there was some.
    """

    discord: CrowdedDiscord
    state: random.Random
    errors: int = 0
    drops: int = 0
    _kinds: list[Trouble] = field(default_factory=lambda: [*BEFORE.values(), *AFTER.values()])

    async def rage(self) -> None:
        """Go on until this is cancelled."""
        loop = asyncio.get_running_loop()
        dropped = loop.time()
        while True:
            await asyncio.sleep(self.state.expovariate(1 / ERRORS_SECONDS))
            self.worsen()
            if loop.time() - dropped > DROP_SECONDS:
                await self.drop()
                dropped = loop.time()

    def worsen(self) -> None:
        """Have one of the next requests run into trouble."""
        self.discord.plan_only(*self.state.choice(PATHS), self.state.choice(self._kinds))
        self.errors += 1

    def clear_up(self) -> None:
        """Have no request run into trouble that was planned and did not come."""
        self.discord.forget_trouble()

    async def drop(self) -> None:
        """End the gateway's connection, in one of three ways."""
        self.drops += 1
        match self.drops % 3:
            case 0:
                await self.discord.ask_to_reconnect()
            case 1:
                self.discord.drop_connection()
            case _:
                await self.discord.hang_up(1001)
