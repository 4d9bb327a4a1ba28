"""The results of `/tokenize` as replies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from bot.inference.requests import Answer
from bot.inference.tokenization.tokens import Token
from bot.locales.lists import enumerated
from bot.locales.message import _, in_context, later, plural
from bot.locales.numbers import decimal, whole
from bot.pictures import chips
from bot.pictures.picture import Picture
from bot.pictures.wording import as_chip
from bot.replies.formatting.text import bold, escape, fit, units
from bot.replies.reply import Colour, Draft, Drawing, Reply
from bot.replies.work.numbers import CONTINUES, token_text
from bot.replies.work.text_table import TextTable
from bot.tasks.tokenize import TokenizedText, TokenizeRequest, TokenizeResult
from bot.text.characters import CUT

ROOM = 3_000
"""Units of all texts together."""
HEADING = 120
PADDING = 60
"""Units of the padding token, which a checkpoint may call anything."""
FEWEST = 24
"""Units of a line of tokens."""
READINGS_ROOM = 900
"""Units of `ROOM` for the texts' tokens in a chat template."""
# Translators: a text as a chat template would read it.
IN_TEMPLATE = later("In a template")
LESSON = later(
    "Special tokens tell a model where a message ends and who speaks next, and only its template may write them. "
    "If a person types them, they are text, read piece by piece: otherwise anybody could end a message and speak as "
    "the model."
)
LEGEND = later("`{sign}` continues a word; **bold** tokens are special, added by the tokenizer.", sign=CONTINUES)


def render(request: TokenizeRequest, answer: Answer[TokenizeResult]) -> Reply:
    """Render each text with its tokens, ids and attention mask, and facts about the batch."""
    result = answer.result
    draft = Draft(Colour.WORK, _("Tokens"))
    show = _one if len(result.texts) == 1 else _several
    readings = [*_readings(draft, result)]
    room = ROOM - READINGS_ROOM if readings else ROOM
    draft.lines = [*show(draft, result, room), *readings, "", *_facts(result)]
    reply = draft.reply("tokenize", answer, _whole(result))
    return replace(reply, drawing=Drawing("tokens.png", partial(_draw, result)))


def _one(draft: Draft, result: TokenizeResult, most: int) -> Iterator[str]:
    """Yield a single text as a table."""
    [text], [mask] = result.texts, result.attention_mask
    yield _heading(text)
    rows = tuple(
        (str(index), str(token.id), str(attended), token_text(token))
        for index, (token, attended) in enumerate(zip(text.tokens, mask, strict=True))
    )
    yield TextTable(("#", "id", *_columns("mask", "token")), rows).markdown(draft, most)


def _columns(*names: str) -> Iterator[str]:
    for name in names:
        # Translators: the head of a column with the attention mask, 1 or 0; at most 8 characters.
        yield in_context("column", "mask") if name == "mask" else in_context("column", "token")


def _several(draft: Draft, result: TokenizeResult, most: int) -> Iterator[str]:
    """Yield each row of the batch in a few lines."""
    room = most // len(result.texts) - HEADING
    for number, (text, ids, mask) in enumerate(
        zip(result.texts, result.input_ids, result.attention_mask, strict=True), 1
    ):
        yield f"**{number}.** {_heading(text)}"
        yield _token_line(draft, text.tokens, room // 2)
        # Translators: the ids of tokens.
        yield _("ids {numbers}", numbers=_numbers(draft, ids, room // 4))
        # Translators: the attention mask: 1 or 0 for each token.
        yield _("mask {numbers}", numbers=_numbers(draft, mask, room // 4))
        yield ""
    yield str(LEGEND)


def _readings(draft: Draft, result: TokenizeResult) -> Iterator[str]:
    """Yield texts with typed special tokens as a chat template would read them, where such tokens take effect."""
    differing = [(index, one.in_template) for index, one in enumerate(result.texts, 1) if one.in_template is not None]
    if not differing:
        return
    yield ""
    yield _("**In a template** the same characters would be other tokens:")
    lesson = str(LESSON)
    room = (READINGS_ROOM - len(lesson) - HEADING) // len(differing)
    for index, read in differing:
        number = f"**{index}.** " if len(result.texts) > 1 else ""
        heading = f"{number}{_heading(read)}: "
        yield heading + _token_line(draft, read.tokens, max(room - len(heading), FEWEST))
    yield lesson


def _heading(text: TokenizedText) -> str:
    number = len(text.tokens)
    parts = [plural("{number} token", "{number} tokens", number, number=whole(number))]
    if (length := text.characters_per_token) is not None:
        parts.append(_("{number} characters per token", number=decimal(length, 1)))
    if text.left_out:
        # Translators: tokens behind those that the model can read.
        cut = plural(
            "{number} more cut off at the limit",
            "{number} more cut off at the limit",
            text.left_out,
            number=whole(text.left_out),
        )
        parts.append(cut)
    return enumerated(parts)


def _token_line(draft: Draft, tokens: Sequence[Token], room: int) -> str:
    """Return as many tokens as fit into a line: words apart, their pieces joined by a sign."""
    line, is_first = "", True
    for token in tokens:
        text = as_chip(token.text)
        shown = bold(text) if token.special else escape(text)
        piece = shown if is_first else f" {shown}" if token.starts_word else f"{CONTINUES}{shown}"
        if units(line + piece) > room - len(CUT) - 1:
            draft.cut = True
            return f"{line} {CUT}"
        line, is_first = line + piece, False
    return line


def _numbers(draft: Draft, values: Sequence[int], room: int) -> str:
    return draft.fit(" ".join(map(str, values)), room, lambda text: f"`{text}`")


def _facts(result: TokenizeResult) -> Iterator[str]:
    batch, sequence = result.shape
    # Translators: in each of these sentences the words in ** are a heading; (batch, sequence) are the names of axes.
    yield _(
        "**Batch**: `input_ids` and `attention_mask` of shape ({rows}, {columns}), which is (batch, sequence).",
        rows=batch,
        columns=sequence,
    )
    yield _padding(result)
    limit = whole(result.limit)
    yield (
        _("**Truncation**: this model reads {limit} tokens at most; a longer text loses its end.", limit=limit)
        if result.truncation_side == "right"
        else _("**Truncation**: this model reads {limit} tokens at most; a longer text loses its start.", limit=limit)
    )
    yield _("**Vocabulary**: {number} tokens.", number=whole(result.vocabulary))


def _padding(result: TokenizeResult) -> str:
    if result.padding is None:
        return _without_token(result.padding_side, result.padding_id)
    number = sum(row.count(0) for row in result.attention_mask)
    # Translators: padding tokens.
    used = (
        plural("{number} in this batch", "{number} in this batch", number, number=whole(number))
        if number
        else _("none needed here")
    )
    token = fit(result.padding.text, PADDING, bold)[0]
    if result.padding_side == "left":
        return _(
            "**Padding**: on the left with {token} (id {id}), attention mask 0; {used}.",
            token=token,
            id=result.padding_id,
            used=used,
        )
    return _(
        # Translators: {used} is "12 in this batch" or "none needed here".
        "**Padding**: on the right with {token} (id {id}), attention mask 0; {used}.",
        token=token,
        id=result.padding_id,
        used=used,
    )


def _without_token(side: str, number: int) -> str:
    if side == "left":
        return _(
            "**Padding**: on the left. This tokenizer has no token for it; id {id} stands in, and the mask hides it.",
            id=number,
        )
    return _(
        "**Padding**: on the right. This tokenizer has no token for it; id {id} stands in, and the mask hides it.",
        id=number,
    )


def _draw(result: TokenizeResult) -> Picture:
    rows = [
        chips.TokenRow(_padded(result, index), _row_name(index, text), text.left_out)
        for index, text in enumerate(result.texts)
    ]
    if len(result.texts) > 1:
        return chips.token_chips(rows, _("The batch that the model gets"))
    [text] = result.texts
    if (read := text.in_template) is not None:
        tokens = tuple(map(_chip, read.tokens))
        rows.append(chips.TokenRow(tokens, _in_template(read), read.left_out, str(IN_TEMPLATE)))
    return chips.token_chips(rows)


def _row_name(index: int, text: TokenizedText) -> str:
    # Translators: {facts} is such as "12 tokens, 4.2 characters per token".
    return _("Text {number}: {facts}", number=index + 1, facts=_heading(text))


def _in_template(text: TokenizedText) -> str:
    # Translators: {facts} is such as "12 tokens, 4.2 characters per token".
    return _("In a template: {facts}", facts=_heading(text))


def _chip(token: Token) -> chips.Token:
    kind = chips.Kind.SPECIAL if token.special else chips.Kind.WORD
    return chips.Token(token.text, token.id, kind, token.starts_word)


def _padded(result: TokenizeResult, index: int) -> tuple[chips.Token, ...]:
    """Return a row of the batch with its padding."""
    tokens = [*map(_chip, result.texts[index].tokens)]
    text = "pad" if result.padding is None else result.padding.text
    padding = chips.Token(text, result.padding_id, chips.Kind.PADDING, attended=False)
    missing = [padding] * (result.shape[1] - len(tokens))
    return tuple(missing + tokens if result.padding_side == "left" else tokens + missing)


def _plain_table(text: TokenizedText) -> str:
    rows = tuple((str(index), str(one.id), token_text(one)) for index, one in enumerate(text.tokens))
    return TextTable(("#", "id", *_columns("token")), rows).plain()


def _whole(result: TokenizeResult) -> str:
    parts = []
    for number, (text, ids, mask) in enumerate(
        zip(result.texts, result.input_ids, result.attention_mask, strict=True), 1
    ):
        parts += [
            f"[{number}] {text.text}",
            _heading(text),
            _plain_table(text),
            f"input_ids       {list(ids)}",
            f"attention_mask  {list(mask)}",
            "",
        ]
        if text.in_template is not None:
            parts += [_in_template(text.in_template), _plain_table(text.in_template), str(LESSON), ""]
    return "\n".join([*parts, *(fact.replace("*", "").replace("`", "") for fact in _facts(result))])
