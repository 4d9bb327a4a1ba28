"""Programming languages: what they are called, how code blocks and files name them, and what their code looks like."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from bot.errors import InvalidRequest, echoed
from bot.text.characters import identity


@dataclass(frozen=True)
class CodeLanguage:
    """A programming language.

    Attributes:
        code: what a code block is opened with, as highlight.js knows it.
        name: what people call it.
        extension: of its files, without the dot.
        aliases: further names.
        marks: patterns that its code is likely to hold and other languages' code is not, matched line by line.
        in_blocks: whether definitions stand at the start of a line and what belongs to them is indented or in
            brackets, so that code has a sensible end.
    """

    code: str
    name: str
    extension: str
    aliases: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    in_blocks: bool = True

    @cached_property
    def names(self) -> frozenset[str]:
        """Everything that it may be called, case-folded."""
        return frozenset(map(str.casefold, (self.code, self.name, self.extension, *self.aliases)))

    def matches(self, typed: str) -> bool:
        """Whether somebody who has typed this may mean it."""
        start = identity(typed)
        return any(name.startswith(start) for name in self.names)

    def score(self, code: str) -> int:
        """How many of its marks some code bears."""
        return sum(re.search(mark, code, re.MULTILINE) is not None for mark in self.marks)


PLAIN = CodeLanguage("text", "plain text", "txt", ("plain", "plaintext", "none"), in_blocks=False)

LANGUAGES = (
    CodeLanguage(
        "py",
        "Python",
        "py",
        ("python3", "py3"),
        (
            r"^\s*(async )?def \w+\(.*(:|,|\()?$",
            r"^\s*(from \w[\w.]* import |import \w[\w.]*( as \w+)?$)",
            r"^\s*(class \w+.*|if .+|for \w.* in .+|while .+|with .+|try|else|elif .+|except.*):\s*(#.*)?$",
            r"\bself\.|\bprint\(|\bNone\b|\b__\w+__\b|\blambda \w*:|\bnp\.|\bpd\.",
        ),
    ),
    CodeLanguage(
        "js",
        "JavaScript",
        "js",
        ("node", "ecmascript", "jsx"),
        (
            r"\b(const|let|var) \w+\s*=|\b(const|let) [{\[]",
            r"\bfunction\s*\w*\(.*\)\s*\{?|=>",
            r"\bconsole\.|\bdocument\.|\brequire\(|===|\bmodule\.exports",
        ),
    ),
    CodeLanguage(
        "ts",
        "TypeScript",
        "ts",
        ("tsx",),
        (
            r"^\s*(export )?(interface \w+.*\{|type \w+\s*=)",
            r"[\w)]\??\s*:\s*(string|number|boolean|void|any|unknown|never)\b",
            r"\b(const|let) \w+\s*:\s*\w+|\): \w+(<.*>)? (=>|\{)",
            r"\b(private|public|readonly) \w+\s*:|\bas const\b|\bimport type\b",
        ),
    ),
    CodeLanguage(
        "java",
        "Java",
        "java",
        (),
        (
            r"\bpublic (static )?(class|void|int|String|interface|final)\b",
            r"\bSystem\.out\.|\bString\[\]|\bnew ArrayList<",
            r"^\s*import java|^\s*package [\w.]+;|@Override",
            r"\b(private|protected) (static )?(final )?[A-Z]\w*",
        ),
    ),
    CodeLanguage(
        "c",
        "C",
        "c",
        ("h",),
        (
            r"^\s*#\s*include\s*<(stdio|stdlib|string|math|stdint|stdbool)\.h>",
            r"\b(int|void|char|double|float|size_t) \*?\w+\(.*\)\s*\{?$",
            r"\bprintf\(|\bmalloc\(|\bstruct \w+ \*|\bsizeof\(|->\w",
        ),
    ),
    CodeLanguage(
        "cpp",
        "C++",
        "cpp",
        ("c++", "cxx", "cc", "hpp"),
        (
            r"^\s*#\s*include\s*<(iostream|vector|string|map|algorithm|memory)>",
            r"\bstd::|\bcout\s*<<|\bcin\s*>>|\busing namespace\b",
            r"\btemplate\s*<|\bnullptr\b|\bauto \w+\s*=|\bclass \w+ \{|\bvirtual \b|\b\w+::\w+\(",
            r"\b(int|void|bool|double) \w+\(.*\)\s*(const)?\s*\{?$",
        ),
    ),
    CodeLanguage(
        "cs",
        "C#",
        "cs",
        ("csharp", "c-sharp", "dotnet"),
        (
            r"^\s*using [A-Z][\w.]*;|^\s*namespace [A-Z]",
            r"\bConsole\.|\{ get; ",
            r"\b(public|private|internal) (static |async |override )*(class|void|string|int|Task)\b",
        ),
    ),
    CodeLanguage(
        "go",
        "Go",
        "go",
        ("golang",),
        (
            r"^\s*func (\(\w+ \*?\w+\) )?\w+\(.*$",
            r"^\s*package \w+$",
            r":=|\bfmt\.|\bif err != nil|\bchan \b|\bgo func\b",
        ),
    ),
    CodeLanguage(
        "rs",
        "Rust",
        "rs",
        ("rust",),
        (
            r"\bfn \w+\s*[(<]",
            r"\bfn main\(\)|\bpub fn \b|\bfn \w+.*->",
            r"\blet mut \b|\bimpl\b.*\{|\bmatch \w+ \{|println!\(|\bvec!\[",
            r"^\s*use [\w:]+(::\{.*\})?;|&(mut |str\b|self\b)|\bOption<|\bResult<|#\[derive",
        ),
    ),
    CodeLanguage(
        "rb",
        "Ruby",
        "rb",
        ("ruby",),
        (
            r"^\s*def \w+[?!]?(\(.*\))?\s*$",
            r"^\s*end\s*$|\bdo \|\w+\||\bputs\b|\battr_\w+",
            r"^\s*require ['\"]|\.each\b|\bnil\b|@\w+\s*=",
        ),
    ),
    CodeLanguage(
        "php",
        "PHP",
        "php",
        (),
        (r"<\?php|\$this->", r"\$\w+\s*=[^=]|\$\w+\)", r"\becho [\"'$]|\bfunction \w+\(\$|=>\s*\[|::class"),
    ),
    CodeLanguage(
        "swift",
        "Swift",
        "swift",
        (),
        (
            r"\bfunc \w+\(.*\w+\s*:\s*\w+.*\)|\bfunc \w+\(.*\)\s*->",
            r"\b(guard|if) let \b|\bimport (Foundation|UIKit|SwiftUI)\b|\bvar \w+\s*:\s*\w+",
        ),
    ),
    CodeLanguage(
        "kt",
        "Kotlin",
        "kt",
        ("kotlin",),
        (r"\bfun \w+\(.*", r"\bval \w+(\s*:\s*\w+)?\s*=|\bprintln\(|\bdata class\b|\bwhen\s*\("),
    ),
    CodeLanguage(
        "scala",
        "Scala",
        "scala",
        (),
        (r"\bdef \w+(\[\w+\])?\(.*\)\s*(:\s*\w+.*)?=", r"\bobject \w+|\bcase class\b|\bval \w+\s*[:=]|\btrait \w+"),
    ),
    CodeLanguage("r", "R", "r", (), (r"<-\s", r"\bfunction\(.*\)\s*\{|\blibrary\(|\bdata\.frame\(|%>%|\bc\(\d")),
    CodeLanguage(
        "julia", "Julia", "jl", (), (r"^\s*function \w+\(.*\)\s*$", r"^\s*end\s*$|^\s*using \w+|::\w+\b.*=|\bprintln\(")
    ),
    CodeLanguage(
        "lua",
        "Lua",
        "lua",
        (),
        (r"^\s*local (function )?\w+", r"\bfunction [\w.:]+\(.*\)\s*$|\bthen\s*$|\bnil\b|~=|\.\.\s", r"^\s*end\s*$"),
    ),
    CodeLanguage(
        "pl",
        "Perl",
        "pl",
        ("perl",),
        (r"\bmy [$@%]\w+", r"^\s*sub \w+\s*\{?|\buse strict\b|=~\s*[ms]?/|\bforeach my\b"),
    ),
    CodeLanguage(
        "hs",
        "Haskell",
        "hs",
        ("haskell",),
        (r"^\w+ ::\s", r"^import (qualified )?[A-Z]|^module [A-Z].* where|\bwhere$|<\$>"),
    ),
    CodeLanguage(
        "dart",
        "Dart",
        "dart",
        (),
        (r"import 'package:", r"\bvoid main\(\)|\bWidget build\(|\bFuture<|\bfinal \w+ \w+;"),
    ),
    CodeLanguage(
        "bash",
        "Shell",
        "sh",
        ("sh", "shell", "zsh"),
        (
            r"^#!.*\b(ba|z)?sh\b",
            r"^\s*(if|elif|while) \[\[? |\bfi\b|\bdone\b|^\s*for \w+ in .*; do",
            r"^\s*(echo|export|sudo|cd|grep|curl|apt|chmod|mkdir) |\$\{?\w+\}?\"",
        ),
        in_blocks=False,
    ),
    CodeLanguage(
        "powershell",
        "PowerShell",
        "ps1",
        ("ps", "pwsh"),
        (r"\b(Get|Set|New|Remove|Write|Invoke)-[A-Z]\w+", r"\$\w+\s*=|\bparam\s*\("),
    ),
    CodeLanguage(
        "sql",
        "SQL",
        "sql",
        ("sqlite", "postgres", "postgresql", "mysql"),
        (
            r"(?i)^\s*(select\b.+|insert into |update \w+ set|delete from |create (table|view|index) |with \w+ as \()",
            r"(?i)\b(from|where|group by|order by|inner join|left join)\b \w+",
        ),
        in_blocks=False,
    ),
    CodeLanguage(
        "html",
        "HTML",
        "html",
        ("htm", "vue", "svelte"),
        (r"(?i)<!doctype html|<html\b|</?(div|p|body|head|ul|span|table|a|h\d)\b", r"</\w+>"),
        in_blocks=False,
    ),
    CodeLanguage(
        "css",
        "CSS",
        "css",
        ("scss", "sass", "less"),
        (r"^\s*([.#][\w-]+|body|html|div|a|p|h\d|ul|li|span|\*|:root)[\w\s,.>:#-]*\{", r"^\s*[a-z-]+:\s*[^;{]+;"),
        in_blocks=False,
    ),
    CodeLanguage("json", "JSON", "json", ("jsonc",), (r"\A\s*[{\[]", r"^\s*\"[\w -]+\"\s*:"), in_blocks=False),
    CodeLanguage(
        "yaml", "YAML", "yaml", ("yml",), (r"^[\w-]+:\s*$", r"^\s*- [\w-]+:|^\s+[\w-]+: \S", r"\A---"), in_blocks=False
    ),
    CodeLanguage("toml", "TOML", "toml", ("ini", "cfg"), (r"^\[[\w.\"-]+\]\s*$",), in_blocks=False),
    CodeLanguage(
        "dockerfile",
        "Dockerfile",
        "dockerfile",
        ("docker",),
        (r"^FROM \S+", r"^(RUN|COPY|CMD|ENTRYPOINT|WORKDIR) "),
        in_blocks=False,
    ),
    CodeLanguage(
        "makefile", "Makefile", "mk", ("make",), (r"^[\w.-]+:( [\w.-]+)*$", r"^\t\S|\$\(\w+\)"), in_blocks=False
    ),
    CodeLanguage("md", "Markdown", "md", ("markdown",), (r"^#{1,4} \w", r"^[-*] \w|\]\(http"), in_blocks=False),
    CodeLanguage(
        "latex",
        "LaTeX",
        "tex",
        ("tex",),
        (r"\\(begin|documentclass|section)\{", r"\\(frac|usepackage|item)\b"),
        in_blocks=False,
    ),
    PLAIN,
)

_BY_NAME = {name: language for language in reversed(LANGUAGES) for name in language.names}


def find_code_language(name: str) -> CodeLanguage:
    """The language that somebody means.

    Args:
        name: its name, a short form, or the extension of its files.

    Raises:
        InvalidRequest: there is none of that name.
    """
    found = _BY_NAME.get(identity(name).removeprefix("."))
    if found is None:
        shown = echoed(name)
        problem = f"I know no programming language called “{shown}”." if shown else "I know no such language."
        raise InvalidRequest(f"{problem} Choose one from the list, or leave `language` out.")
    return found


def guess_code_language(code: str) -> CodeLanguage:
    """The language that some code looks like; plain text where it looks like none of them."""
    best = max(LANGUAGES, key=lambda language: language.score(code))
    return best if best.score(code) else PLAIN


def code_languages(typed: str) -> list[CodeLanguage]:
    """The languages that somebody who has typed this may mean, the common ones first; all for nothing."""
    return [language for language in LANGUAGES if language.matches(typed)]
