"""Which rows run when: queue, lanes, batching, preparation, shared results, and what happens when a thread hangs."""
