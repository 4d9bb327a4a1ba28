"""Candidates for names of people, places and organisations in a text."""
