"""One page of an explanation, as a reply."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import discord

from bot.inference.requests import Answer
from bot.locales.message import _, later, plural
from bot.replies.components.pages import Pages
from bot.replies.formatting.text import fit, units, visible
from bot.replies.reply import SHORTENED, Colour, Draft, Drawing, Menus, Reply, TextFile
from bot.replies.work.blocks import markdown
from bot.replies.work.file import work_file
from bot.replies.work.numbers import written
from bot.replies.work.other_tokens import PlaceMenus
from bot.replies.work.path import MAP, path_page
from bot.replies.work.pictures import draw
from bot.replies.work.rounding import with_rounding
from bot.replies.work.written_menu import WrittenMenus, WrittenView
from bot.tasks.work.blocks import Explanation, File, Formula, Page, Table
from bot.tasks.work.pages import PAGES
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.texts import Sentence
from bot.tasks.work.written_shares import of_word

ROOM = 3_700
"""Units of a page, without the sentence that something was cut."""
MOST_BLOCKS = 12
TITLE = 200
AUTHOR = 200
BLOCK_ROOM = 1_500
# Translators: stands below what a page has room for.
LEFT_OUT = later("… and more")


def render(
    request: WorkRequest,
    answer: Answer[Explanation],
    number: int = MAP,
    variant: int | None = None,
    word: int | None = None,
    first: int = 0,
    place: int | None = None,
) -> Reply:
    """Show one page.

    Args:
        number: of the page, from 0, or `MAP`; the nearest page is shown if there is none of this number.
        variant: index of the page's variant that is shown; None for the page itself.
        word: the index of the only written word that is shown; None for all, and if there is none of this index.
        first: of the written words, or of the places, the first that the menu has.
        place: of its text, from 1, at which another token can be taken; None for the most uncertain one.
    """
    found = with_rounding(answer.result, request.answered, answer.precision)
    number, whole = (MAP, path_page(request, answer)) if number == MAP else found.page_at(number)
    names = tuple(written(one.name) for one in whole.variants)
    page = whole if word is None else of_word(whole, word)
    if variant is not None and variant < len(page.variants):
        page = replace(page, blocks=page.variants[variant].blocks, picture=page.variants[variant].picture)
    pages = found.pages
    draft = Draft(getattr(Colour, request.task.upper(), Colour.WORK))
    description = "\n".join([written(page.about), *_shown(page, draft)])
    if draft.cut:
        description = f"{description}\n\n{SHORTENED}"
    embed = discord.Embed(
        title=f"{number + 1}. {fit(written(page.name), TITLE)[0]}", description=description, colour=draft.colour
    )
    embed.set_author(name=_subject(request))
    where = _where(number, len(pages))
    embed.set_footer(text=f"{_source(answer)} · {where}")
    has_file = draft.cut or any(isinstance(block, File) for block in page.blocks)
    file = TextFile("work.txt", work_file(pages, max(number, 0))) if has_file else None
    drawing = None if page.picture is None else Drawing("work.png", partial(draw, page.picture))
    # Another page never computes this page's evidence again, which the worker may have forgotten by then.
    usual = replace(request, evidence=False, finer=False, page=None, flip=False, exchanges=())
    turning = Pages(usual, (_path_name(), *(written(one.name) for one in pages)), number, names, variant, first=MAP)
    menus: Menus = turning
    if (shares := whole.written_shares) is not None:
        menus = WrittenMenus(turning, shares, WrittenView(number, None if page is whole else word, first))
    elif (places := whole.places) is not None:
        # What was written only to be explained is not in the request yet.
        ids = tuple(one.places.written for one in pages if one.places is not None)
        menus = PlaceMenus(replace(turning, request=replace(usual, written=ids)), places, places.at(place), first)
    return Reply(embed, file, (), drawing, menus)


def _shown(page: Page, draft: Draft) -> list[str]:
    """Return as many blocks as there is room for."""
    shown: list[str] = []
    left = ROOM - units(written(page.about))
    for index, block in enumerate(page.blocks):
        waiting = min(len(page.blocks), MOST_BLOCKS) - index
        # Blocks share the room that is left; short ones leave theirs to the next.
        text = markdown(block, draft, min(max(left // max(waiting, 1), 160), BLOCK_ROOM))
        if index >= MOST_BLOCKS or units(text) + 1 > left:
            draft.cut = True
            shown += ["", f"*{LEFT_OUT}*"]
            break
        left -= units(text) + 2
        # A code block has a margin of its own.
        is_code = isinstance(block, Formula) or (isinstance(block, Table) and not block.name)
        shown += [text] if is_code else ["", text]
    return shown


def _path_name() -> str:
    return written(Sentence(PAGES["path"]["name"]))


def _where(number: int, steps: int) -> str:
    """Say which of the pages this is, or how many there are."""
    if number == MAP:
        return plural("{steps} step", "{steps} steps", steps, steps=steps)
    return _("step {step} of {steps}", step=number + 1, steps=steps)


def _subject(request: WorkRequest) -> str:
    """Return the command and the text that it was asked about."""
    # Discord shows no Markdown in an author's name, so nothing is escaped.
    return fit(f"/{request.task}  {request.about.subject}", AUTHOR, _in_one_line)[0]


def _in_one_line(text: str) -> str:
    return " ".join(visible(text).split())


def _source(answer: Answer[Explanation]) -> str:
    return fit(f"{answer.checkpoint} · {answer.device} {answer.precision}", AUTHOR, visible)[0]
