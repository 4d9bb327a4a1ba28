"""Checks of everything that the bot sends to Discord.

Discord describes its HTTP API in OpenAPI, and more rules in words. `openapi.json` is what the bot uses of
https://github.com/discord/discord-api-spec (specs/openapi.json, MIT licence); `python -m tests.protocol.trim` writes
it. Each rule in words names its source in `faults.RULES`. `scenes.checked` applies all of it to what a simulated
Discord is sent.
"""
