"""The results of `/tokenize` as replies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from bot.inference.requests import Answer
from bot.inference.tokenization.tokens import Token
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
IN_TEMPLATE = "In a template"
LESSON = (
    "Special tokens tell a model where a message ends and who speaks next, and only its template may write them. "
    "If a person types them, they are text, read piece by piece: otherwise anybody could end a message and speak as "
    "the model."
)
LEGEND = f"`{CONTINUES}` continues a word; **bold** tokens are special, added by the tokenizer."


def render(request: TokenizeRequest, answer: Answer[TokenizeResult]) -> Reply:
    """Render each text with its tokens, ids and attention mask, and facts about the batch."""
    result = answer.result
    draft = Draft(Colour.WORK, "Tokens")
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
    yield TextTable(("#", "id", "mask", "token"), rows).markdown(draft, most)


def _several(draft: Draft, result: TokenizeResult, most: int) -> Iterator[str]:
    """Yield each row of the batch in a few lines."""
    room = most // len(result.texts) - HEADING
    for number, (text, ids, mask) in enumerate(
        zip(result.texts, result.input_ids, result.attention_mask, strict=True), 1
    ):
        yield f"**{number}.** {_heading(text)}"
        yield _token_line(draft, text.tokens, room // 2)
        yield f"ids {_numbers(draft, ids, room // 4)}"
        yield f"mask {_numbers(draft, mask, room // 4)}"
        yield ""
    yield LEGEND


def _readings(draft: Draft, result: TokenizeResult) -> Iterator[str]:
    """Yield texts with typed special tokens as a chat template would read them, where such tokens take effect."""
    differing = [(index, one.in_template) for index, one in enumerate(result.texts, 1) if one.in_template is not None]
    if not differing:
        return
    yield ""
    yield f"**{IN_TEMPLATE}** the same characters would be other tokens:"
    room = (READINGS_ROOM - len(LESSON) - HEADING) // len(differing)
    for index, read in differing:
        number = f"**{index}.** " if len(result.texts) > 1 else ""
        heading = f"{number}{_heading(read)}: "
        yield heading + _token_line(draft, read.tokens, max(room - len(heading), FEWEST))
    yield LESSON


def _heading(text: TokenizedText) -> str:
    number = len(text.tokens)
    parts = [f"{number:,} token{'s' if number != 1 else ''}"]
    if (length := text.characters_per_token) is not None:
        parts.append(f"{length:.1f} characters per token")
    if text.left_out:
        parts.append(f"{text.left_out:,} more cut off at the limit")
    return ", ".join(parts)


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
    yield f"**Batch**: `input_ids` and `attention_mask` of shape ({batch}, {sequence}), which is (batch, sequence)."
    yield f"**Padding**: {_padding(result)}"
    lost = "end" if result.truncation_side == "right" else "start"
    yield f"**Truncation**: this model reads {result.limit:,} tokens at most; a longer text loses its {lost}."
    yield f"**Vocabulary**: {result.vocabulary:,} tokens."


def _padding(result: TokenizeResult) -> str:
    number = sum(row.count(0) for row in result.attention_mask)
    if result.padding is None:
        token = f"This tokenizer has no token for it; id {result.padding_id} stands in, and the mask hides it"
        return f"on the {result.padding_side}. {token}."
    token = f"{fit(result.padding.text, PADDING, bold)[0]} (id {result.padding_id})"
    used = f"{number:,} in this batch" if number else "none needed here"
    return f"on the {result.padding_side} with {token}, attention mask 0; {used}."


def _draw(result: TokenizeResult) -> Picture:
    rows = [
        chips.TokenRow(_padded(result, index), f"Text {index + 1}: {_heading(text)}", text.left_out)
        for index, text in enumerate(result.texts)
    ]
    if len(result.texts) > 1:
        return chips.token_chips(rows, "The batch that the model gets")
    [text] = result.texts
    if (read := text.in_template) is not None:
        tokens = tuple(map(_chip, read.tokens))
        rows.append(chips.TokenRow(tokens, f"{IN_TEMPLATE}: {_heading(read)}", read.left_out, IN_TEMPLATE))
    return chips.token_chips(rows)


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
    return TextTable(("#", "id", "token"), rows).plain()


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
            parts += [f"{IN_TEMPLATE}: {_heading(text.in_template)}", _plain_table(text.in_template), LESSON, ""]
    return "\n".join([*parts, *(fact.replace("*", "").replace("`", "") for fact in _facts(result))])
