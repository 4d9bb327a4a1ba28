from __future__ import annotations

import pytest

from bot.errors import InvalidRequest
from bot.tasks.code.ending import CodeEnd, EndReason, code_end
from bot.tasks.code.languages import LANGUAGES, PLAIN, code_languages, find_code_language, guess_code_language

KEPT = {
    "a function until the next one": ("def a():", "\n    return 1", "\n\ndef b():\n    return 2\n"),
    "a call after a function": ("def a():", "\n    return 1", "\n\nprint(a())"),
    "a comment after a function": ("def a():", "\n    return 1", "\n\n# Example usage:\n"),
    "else belongs to if": ("if a:\n    b()", "\nelse:\n    c()", "\nd()\n"),
    "brackets belong to a call": ("x = f(\n    1,", "\n    2,\n)", "\ny = 2\n"),
    "braces end a function": ("function a() {", "\n  return 1;\n}", "\n\nfunction b() {"),
    "two braces": ("class A {\n  b() {", "\n    c();\n  }\n}", "\nclass D {"),
    "end": ("def a", "\n  1\nend", "\n\ndef b\n"),
    "a fence that nobody has opened": ("x = 1", "\ny = 2", "\n```\n\nThis sets y."),
    "nothing but an explanation": ("x = 1", "", "\n```\nThis is code."),
    "a new definition, and no second one": ("def a():\n    return 1", "\n\ndef b():\n    return 2", "\n\ndef c():\n"),
    "code at the left margin": ("import os", "\nimport sys\nprint(1)\nx = 2\n", ""),
    "a string of several lines": ("def a():", '\n    q = """\nselect\n"""', "\nb = 2\n"),
    "a fence in a document": ("text\n```py\nx = 1", "\n```\nmore\n", ""),
}


@pytest.mark.parametrize("case", KEPT)
def test_ends_where_a_block_does(case: str) -> None:
    code, kept, rest = KEPT[case]
    end = code_end(code, kept + rest, in_blocks=True)
    assert (end is None) == (rest == "")
    if end is not None:
        assert (kept + rest)[: end.offset].rstrip("\n") == kept.rstrip("\n")
        assert end.reason is (EndReason.FENCE if "```" in rest else EndReason.NEW_BLOCK)


@pytest.mark.parametrize("case", KEPT)
def test_a_token_at_a_time_as_all_at_once(case: str) -> None:
    code, kept, rest = KEPT[case]
    for length in range(len(kept + rest) + 1):
        end = code_end(code, (kept + rest)[:length], in_blocks=True)
        if end is not None:
            assert (kept + rest)[: end.offset].rstrip("\n") == kept.rstrip("\n")
            return
    assert rest == ""


def test_half_a_word_at_the_end_counts_when_nothing_follows() -> None:
    assert code_end("def a():", "\n    return 1\n\nde", in_blocks=True) is None
    assert code_end("def a():", "\n    return 1\n\nde", in_blocks=True, complete=True) == CodeEnd(
        15, EndReason.NEW_BLOCK
    )


def test_languages_without_blocks_go_on() -> None:
    assert code_end("a:", "\n  b: 1\nc:\n  d: 2\n", in_blocks=False) is None


def test_names_are_those_of_one_language_each() -> None:
    codes = [language.code for language in LANGUAGES]
    assert len(set(codes)) == len(codes)
    for language in LANGUAGES:
        assert find_code_language(language.name.upper()) is language
        assert find_code_language(language.code) is language


@pytest.mark.parametrize(
    ("typed", "code"), [("Python", "py"), ("py", "py"), ("golang", "go"), ("c++", "cpp"), (".rs", "rs"), (" C# ", "cs")]
)
def test_found_by_any_name(typed: str, code: str) -> None:
    assert find_code_language(typed).code == code
    assert code in [language.code for language in code_languages(typed.strip(". "))]


def test_an_unknown_name() -> None:
    with pytest.raises(InvalidRequest, match="no programming language called “Klingon”"):
        find_code_language("Klingon")


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("def fibonacci(n):", "py"),
        ("import numpy as np\n", "py"),
        ("const add = (a, b) => a + b;", "js"),
        ("interface User {\n  name: string;", "ts"),
        ("public static void main(String[] args) {", "java"),
        ("#include <stdio.h>\nint main() {", "c"),
        ("#include <vector>\nstd::vector<int> a;", "cpp"),
        ("Console.WriteLine(1);", "cs"),
        ("func main() {\n\tx := 1", "go"),
        ("fn main() {\n    let mut x = 1;", "rs"),
        ("def hi\n  puts 1\nend", "rb"),
        ("<?php\n$a = 1;", "php"),
        ("fun main() {", "kt"),
        ("x <- c(1, 2)", "r"),
        ("local x = nil", "lua"),
        ("#!/bin/bash\necho hi", "bash"),
        ("SELECT name FROM users WHERE", "sql"),
        ("<div class='a'>", "html"),
        (".title {\n  color: red;", "css"),
        ('{"a": 1,', "json"),
        ("jobs:\n  test:\n    runs: 1", "yaml"),
        ("FROM python:3.11\nRUN pip install x", "dockerfile"),
        ("\\begin{document}", "latex"),
    ],
)
def test_guessed_by_how_it_looks(code: str, language: str) -> None:
    assert guess_code_language(code).code == language


def test_what_looks_like_no_code() -> None:
    assert guess_code_language("My dear friend, how are you") is PLAIN
