"""Three hundred people who use everything that the bot has, on a small Discord with real sockets."""
