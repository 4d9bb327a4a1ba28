"""How much can this machine carry? The worker under load beside a naive bot. `tests/bench` measures more with it."""
