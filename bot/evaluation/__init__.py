"""Labelled sentences, which measure how often a preset is right."""
