"""How likely are continuations of a prompt? The prompt is read once, however many continuations it has.

Where attention can look at each row by itself, one forward pass reads the prompts and what follows them
(`branches.py`). Elsewhere a first pass reads the prompts, and gives each candidate's first token its log-probability.
Candidates of one token need no more. For the others a second pass reads, on top of the prompt's keys and values, what
follows the prompt.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from bot.inference.heads.invariance.batch_invariance import Company
from bot.inference.heads.invariance.shared_prefix import Tree, read_trees

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

LogProbs = npt.NDArray[np.float32]

LOGITS_AT_ONCE = 2**25
"""Logits that are held at the same time: 128 MiB in float32. Vocabularies are wide."""


@dataclass(frozen=True)
class Continuations:
    """A prompt and candidate continuations of it, as token ids."""

    prompt: tuple[int, ...]
    candidates: tuple[tuple[int, ...], ...]

    @property
    def beginnings(self) -> list[tuple[int, ...]]:
        """What must be read after the prompt: each candidate but its last token, once, where that is anything."""
        return list(dict.fromkeys(one[:-1] for one in self.candidates if len(one) > 1))

    @property
    def tokens(self) -> int:
        """Tokens that are read in all."""
        return len(self.prompt) + sum(map(len, self.beginnings))


@dataclass(frozen=True)
class _Prompts:
    """Prompts that have been read.

    Attributes:
        log_probs: of the token after each prompt, (batch, vocabulary), float32.
        mask: attention mask, (batch, sequence); padded on the left.
        cache: keys and values of the prompts.
    """

    log_probs: torch.Tensor
    mask: torch.Tensor
    cache: Any


def next_token_log_probs(head: Head, company: Company, prompts: Sequence[tuple[int, ...]]) -> list[LogProbs]:
    """Log-probabilities of the token after each prompt, each of shape (vocabulary,)."""
    if company is Company.EACH_ROW:
        most = max(1, LOGITS_AT_ONCE // _vocabulary(head))
        parts = [prompts[first : first + most] for first in range(0, len(prompts), most)]
        read = [read_trees(head, [Tree(prompt, ()) for prompt in part]) for part in parts]
        return [_log_probs(logits)[0].cpu().numpy() for part in read for logits in part]
    return company.run(
        prompts,
        _widths(head, prompts),
        lambda part: list(_read_prompts(head, part, use_cache=False).log_probs.cpu().numpy()),
    )


def score(head: Head, company: Company, asked: Sequence[Continuations]) -> list[list[LogProbs]]:
    """For each prompt and candidate, the log-probabilities of the candidate's tokens, (tokens,)."""
    if company is Company.EACH_ROW:
        return _score_at_once(head, asked)
    return company.run(
        asked, _widths(head, [one.prompt for one in asked]), lambda part: _score_in_two(head, company, part)
    )


def _widths(head: Head, rows: Sequence[tuple[int, ...]]) -> list[int]:
    return [head.filled_up(len(row)) for row in rows]


def _vocabulary(head: Head) -> int:
    return int(head.model.config.get_text_config().vocab_size)


def _log_probs(logits: torch.Tensor) -> torch.Tensor:
    return logits.float().log_softmax(dim=-1)


def _score_at_once(head: Head, asked: Sequence[Continuations]) -> list[list[LogProbs]]:
    """What fits in memory together is read together; how one prompt's continuations are cut up depends on them only."""
    most = max(1, LOGITS_AT_ONCE // _vocabulary(head))
    whole = [Tree(one.prompt, tuple(one.beginnings)) for one in asked]
    trees = [(index, part) for index, tree in enumerate(whole) for part in tree.parts(most)]
    found: list[dict[tuple[int, ...], LogProbs]] = [{} for _ in asked]
    for part in _fitting(trees, most):
        for (index, tree), logits in zip(part, read_trees(head, [tree for _, tree in part]), strict=True):
            found[index] |= _candidates(asked[index], tree, _log_probs(logits))
    return [[each[candidate] for candidate in one.candidates] for one, each in zip(asked, found, strict=True)]


def _fitting(trees: Sequence[tuple[int, Tree]], most: int) -> Iterator[list[tuple[int, Tree]]]:
    """Parts whose logits fit in memory together."""
    part: list[tuple[int, Tree]] = []
    for one in trees:
        if part and sum(len(tree.wanted) for _, tree in [*part, one]) > most:
            yield part
            part = []
        part.append(one)
    yield part


def _candidates(asked: Continuations, tree: Tree, log_probs: torch.Tensor) -> dict[tuple[int, ...], LogProbs]:
    """Of the candidates whose beginning was read in a tree, and of those of one token, the tokens' log-probabilities.

    Args:
        log_probs: after each wanted token of the tree, (wanted, vocabulary).
    """
    places: dict[tuple[int, ...], range] = {(): range(0)}
    place = 1
    for beginning in tree.beginnings:
        places[beginning] = range(place, place + len(beginning))
        place += len(beginning)
    read = [one for one in asked.candidates if one[:-1] in places]
    rows = [row for one in read for row in (0, *places[one[:-1]])[: len(one)]]
    tokens = [token for one in read for token in one]
    chosen = log_probs[torch.tensor(rows, dtype=torch.long), torch.tensor(tokens, dtype=torch.long)].cpu().numpy()
    ends = np.cumsum([len(one) for one in read])[:-1]
    return dict(zip(read, np.split(chosen, ends), strict=True)) if read else {}


def _score_in_two(head: Head, company: Company, asked: Sequence[Continuations]) -> list[list[LogProbs]]:
    """By a pass over the prompts, and passes over what follows them."""
    contexts = [(index, beginning) for index, one in enumerate(asked) for beginning in one.beginnings]
    prompts = _read_prompts(head, [one.prompt for one in asked], use_cache=bool(contexts))
    found: dict[tuple[int, tuple[int, ...]], LogProbs] = {}
    for index, one in enumerate(asked):
        log_probs = prompts.log_probs[index].cpu().numpy()
        found |= {(index, candidate): log_probs[list(candidate[:1])] for candidate in one.candidates}
    beginnings = [beginning for _, beginning in contexts]
    behind = Company.SAME_WIDTH if company is Company.ALONE else company  # all of one row are its own company
    outputs = behind.run(contexts, _widths(head, beginnings), lambda part: _read_on(head, prompts, part))
    for (index, beginning), rows in zip(contexts, outputs, strict=True):
        for candidate in asked[index].candidates:
            if candidate[:-1] == beginning:
                rest = rows[list(range(len(beginning))), list(candidate[1:])]
                found[index, candidate] = np.concatenate([found[index, candidate], rest])
    return [[found[index, candidate] for candidate in one.candidates] for index, one in enumerate(asked)]


def _read_prompts(head: Head, prompts: Sequence[tuple[int, ...]], *, use_cache: bool) -> _Prompts:
    ids, mask = head.pad(prompts, left=True)
    output = head.model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(dim=-1) - 1).clamp(min=0),
        use_cache=use_cache,
        logits_to_keep=1,
    )
    return _Prompts(_log_probs(output.logits[:, -1]), mask, output.cache)


def _read_on(head: Head, prompts: _Prompts, contexts: Sequence[tuple[int, tuple[int, ...]]]) -> Iterator[LogProbs]:
    """Log-probabilities of the token after each token of each beginning, (longest, vocabulary) each."""
    longest = max(len(beginning) for _, beginning in contexts)
    size = min(len(contexts), max(1, LOGITS_AT_ONCE // (longest * _vocabulary(head))))
    for first in range(0, len(contexts), size):
        part = contexts[first : first + size]
        filling = [part[-1]] * (size - len(part))  # so that all parts have the same shape
        yield from _read_part(head, prompts, [*part, *filling])[: len(part)]


def _read_part(head: Head, prompts: _Prompts, part: Sequence[tuple[int, tuple[int, ...]]]) -> LogProbs:
    """(contexts, longest, vocabulary)."""
    ids, mask = head.pad([beginning for _, beginning in part])
    chosen = head.tensor([index for index, _ in part])
    cache = copy.deepcopy(prompts.cache)
    cache.reorder_cache(chosen)  # as beam search does: any number of rows may go on from one prompt
    before = prompts.mask[chosen]
    logits: torch.Tensor = head.model(
        input_ids=ids,
        attention_mask=torch.cat([before, mask], dim=1),
        position_ids=before.sum(dim=-1, keepdim=True) + torch.arange(ids.shape[1], device=ids.device),
        cache=cache,
        use_cache=True,
    ).logits
    log_probs: LogProbs = _log_probs(logits).cpu().numpy()
    return log_probs
