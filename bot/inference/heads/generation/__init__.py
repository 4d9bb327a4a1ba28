"""Generation: continuous batching, sampling, KV caches, CUDA graphs, encoder-decoders."""
