"""Code as people paste it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks.complete import CompleteRequest
from tests.support import refusal_of


@pytest.mark.parametrize(
    ("pasted", "code", "language"),
    [
        ("```py def fib(n): ```", "def fib(n):", "py"),  # row I7
        ("```js let x = 1", "let x = 1", "js"),
        ("```py\ndef fib(n):", "def fib(n):", "py"),
        ("```py def f():\n    return 1\n```", "def f():\n    return 1", "py"),
        ("```return x```", "return x", "text"),
        ("```x = 1 ```", "x = 1", "text"),
        ("```c = 1```", "c = 1", "text"),
        ("```r <- 3```", "r <- 3", "r"),
        ("```sh -c 'x'```", "sh -c 'x'", "text"),
        ("```c int main() {```", "int main() {", "c"),
        ("~~~rust\nfn main() {\n~~~", "fn main() {", "rs"),
        ("`x = 1`", "x = 1", "text"),
        ("``x = `ls` ``", "x = `ls`", "text"),
        ("Please complete this:\n```py\ndef f():\n```\nThanks!", "def f():", "py"),
        ("How does it go on? ```py def fib(n): ``` Thank you 👋", "def fib(n):", "py"),
        ("````md\n```py\nx = 1\n```\n````", "```py\nx = 1\n```", "md"),
        ("```py\ns = '```'\n```", "s = '```'", "py"),
        ("here: ```py\nx = 1\n``` thanks", "x = 1", "py"),
        ("Python:\n```py\nx = 1\n```", "x = 1", "py"),
    ],
)
def test_what_stands_around_code_is_taken_away(pasted: str, code: str, language: str) -> None:
    request = CompleteRequest(pasted)
    assert (request.code, request.language) == (code, language)


@pytest.mark.parametrize(
    ("code", "chosen"),
    [
        ("# Doc\n```py\nx = 1\n```\nand", ""),
        ("Look at this:\n```py\nx = 1\n```\nIt is", "md"),
        ("```py\nx = 1\n```", "Markdown"),
        ("s = '''\n```\nx\n```\n'''", ""),
        ("def f():\n    ```\n    x\n    ```", ""),
        ("echo `date`", ""),
        ("`hello ${x}`", "js"),
        ("```py\na = 1\n```\nand\n```py\nb = 2\n```", ""),
        ("```py\na = 1\n``` and ```py\nb = 2\n```", ""),
        ("```py\na\n``` and ```py\nb\n```", ""),
        ("```\nhello\n```\nbetween\n```\nworld\n```", ""),
        ("class A:\n```\nx\n```", ""),
    ],
)
def test_fences_that_are_a_part_of_code_stay(code: str, chosen: str) -> None:
    assert CompleteRequest(code, chosen).code == code


@given(
    st.lists(
        st.sampled_from(["```", "~~~", "`", "``", "````", "py", "md", " ", "\n", "x = 1", "hello", "#", "${"]),
        max_size=9,
    )
)
def test_a_request_that_is_made_of_another_one_is_the_same(pieces: list[str]) -> None:
    if refusal_of(lambda: CompleteRequest("".join(pieces))) is None:
        request = CompleteRequest("".join(pieces))
        assert replace(request) == request


def test_the_letters_of_code_are_left_as_they_are() -> None:
    """Another form of a letter is another value of a string."""
    flag = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    assert CompleteRequest(f"s = 'e\u0301 {flag} \U000e0061'").code == f"s = 'e\u0301 {flag} '"


def test_code_of_fillers_is_none() -> None:
    assert "There is no code" in str(refusal_of(lambda: CompleteRequest("\u3164 \u2800\n\u200d")))
