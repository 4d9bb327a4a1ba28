"""The ways to say which words of its source an encoder-decoder has written a word from.

Each takes a case whose answer is written and returns (words, numbers): a column for each written token, and last one
for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from captum.attr import IntegratedGradients

from bot.inference.heads.inspection.attention import attention_operation
from bot.inference.heads.inspection.attention_weights import Attentions, Part, average_of_heads
from bot.inference.heads.inspection.hidden_states import Reading
from bot.tasks.scores import Floats
from bot.tasks.work.coalitions import Table
from tests.bench.attribution_methods import OF_PROMPTS, STEPS, Method
from tests.bench.erasure import Case
from tests.bench.owners import Owners, of_words, owned_ids
from tests.bench.translator_training import PREFIX


@torch.enable_grad()
def integrated_gradients(case: Case, table: Table) -> Floats:
    """Follow each written token's log p from zeros in place of the words' embeddings: a T5 has no mask token."""
    model = case.head.model.requires_grad_(False)
    reading, owners = _reading(case)
    embedded = model.get_input_embeddings()(torch.tensor([reading.ids])).float()
    inside = torch.tensor([owner is not None for owner in owners])[:, None]
    decoder_ids, written = torch.tensor([reading.decoder_ids]), torch.tensor(case.written)

    def log_probs(words: torch.Tensor) -> torch.Tensor:
        logits = model(inputs_embeds=words, decoder_input_ids=decoder_ids.expand(len(words), -1)).logits
        found: torch.Tensor = logits.float().log_softmax(dim=-1)[:, range(len(written)), written]
        return found

    method = IntegratedGradients(log_probs)
    baseline = embedded.masked_fill(inside, 0)
    found = [
        method.attribute(embedded, baseline, target=place, n_steps=STEPS)[0].sum(dim=-1).double().numpy()
        for place in range(len(written))
    ]
    return _with_sum(np.stack(found, axis=1), owners, len(case.units))


def cross_attention(case: Case, table: Table) -> Floats:
    """Average the weights of all layers and heads with which the decoder looks at the encoder's states."""
    weights, owners = _attentions(case)
    return _with_sum(average_of_heads(weights[Part.CROSS]).mean(axis=0).T, owners, len(case.units))


def cross_attention_rollout(case: Case, table: Table) -> Floats:
    """Follow these weights through the encoder's layers, to the tokens (arXiv:2005.00928)."""
    weights, owners = _attentions(case)
    rolled: Any = np.eye(len(owners))
    for layer in average_of_heads(weights[Part.ENCODER]):
        rolled = (layer + np.eye(len(owners))) / 2 @ rolled
    crossed = average_of_heads(weights[Part.CROSS]).mean(axis=0)
    return _with_sum((crossed @ rolled).T, owners, len(case.units))


def _attentions(case: Case) -> tuple[Attentions, Owners]:
    reading, owners = _reading(case)
    [found] = attention_operation(case.head).run([reading.row])
    return found, owners


def _reading(case: Case) -> tuple[Reading, Owners]:
    """Return what the model read when it wrote, and the word of each of the encoder's tokens."""
    ids, owners = owned_ids(case.head, case.units, PREFIX)
    start = case.head.encode(PREFIX + case.text, max_new_tokens=1).inputs.start
    return Reading(ids, None, (*start, *case.written[:-1])), owners


def _with_sum(scores: Floats, owners: Owners, words: int) -> Floats:
    """Return the scores of words from those of tokens, (tokens, written tokens), with the column of their sums."""
    found = of_words(scores, owners, words)
    return np.column_stack([found, found.sum(axis=1)])


OF_TRANSLATIONS: Mapping[str, Method] = {
    **{name: method for name, method in OF_PROMPTS.items() if name != "random"},
    "integrated gradients": integrated_gradients,
    "cross-attention": cross_attention,
    "cross-attention rollout": cross_attention_rollout,
    "random": OF_PROMPTS["random"],
}
