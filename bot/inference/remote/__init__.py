"""Inference on other machines: a backend that speaks the HTTP protocol of `bot.inference.serving`."""
