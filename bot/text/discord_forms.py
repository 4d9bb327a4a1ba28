"""How Discord writes what it turns into something else: people, emoji, commands, times."""

from __future__ import annotations

FORMS = r"""
      < a? : \w+ : \d+ >                 # an emoji of a server
    | < (?: @[!&]? | \# ) \d+ >          # a person, a role, a channel
    | < / [^<>:\n]+ : \d+ >              # a command
    | < t : -?\d+ (?: : [A-Za-z] )? >    # a time
    | < id : \w+ (?: : \d+ )? >          # a tab of the server
"""
"""A verbose pattern of them. Source: Discord's developer documentation, "Message Formatting"."""
