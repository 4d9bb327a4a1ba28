"""English words that say nothing of what a sentence is about."""

from __future__ import annotations

_WORDS = """
    a an the i you he she it we they me him us them one this that these those my your his her its our their mine yours
    hers ours theirs myself yourself himself herself itself ourselves themselves there here who whom whose what which
    when where why how is are was were am be been being do does did done doing has have had having can cannot could will
    would shall should may might must ought not no nor yes if then than so but and or as at by for from in into of off
    on onto out over to toward towards up down upon under with within without about above across after against along
    among around before behind below beneath beside besides between beyond during except inside near outside past per
    since through throughout till until via while because although though unless whereas whether however
    nothing nobody none everything everybody everyone something somebody someone anything anybody anyone
    every each some any all both either neither several many much few little more most less least other another such
    same own too very just only also even ever never always often again once
"""
FUNCTION_WORDS = frozenset(_WORDS.split())
"""Articles, pronouns, auxiliaries, prepositions, conjunctions and quantities, in lower case."""
