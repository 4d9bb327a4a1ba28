"""The real bot in a simulated Discord, for `playground` and `ask`."""

from bot.playground.simulated import EXAMPLES, Page, SimulatedReply, SimulatedServer, examples, simulated_server

__all__ = ["EXAMPLES", "Page", "SimulatedReply", "SimulatedServer", "examples", "simulated_server"]
