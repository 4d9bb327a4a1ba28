"""Whether rows of an encoder-decoder can join a running batch."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from bot.inference.heads.calibration import Calibration
from bot.inference.heads.generation.encoder_decoder_runner import EncoderDecoder, EncoderDecoderRunner
from bot.inference.heads.generation.source_text import SourceText
from bot.inference.heads.probing import holds

_IS_JOINABLE: Calibration[bool] = Calibration("joinable rows of an encoder-decoder")


def can_be_joined(model: EncoderDecoder) -> bool:
    """Return whether rows can join a running batch, and get what they would get alone.

    The first call finds out with a few short forward passes. Used on the device's thread only.
    """
    checkpoint = model.checkpoint
    return checkpoint.calibrations.measured(
        _IS_JOINABLE, lambda: is_greedy(checkpoint.model.generation_config.to_diff_dict()) and _is_exact(model)
    )


_EARLY = [
    SourceText(ids, start, max_new_tokens=0, truncated=False)
    for ids, start in (((5, 6, 7), (2, 3, 4, 5, 6, 7, 8, 9)), ((8, 9), (3, 5, 2, 6, 4, 9, 7, 8)))
]
_LATE = SourceText((4, 7, 5, 6, 9), (4, 6), max_new_tokens=0, truncated=False)
"""Joins them for their last steps."""


def _is_exact(model: EncoderDecoder) -> bool:
    """Return whether two rows, and a third that joins them, get the logits that each would get alone."""
    checkpoint, probes = model.checkpoint, [*_EARLY, _LATE]
    tensor = checkpoint.tensor
    joining = len(_EARLY[0].start) - len(_LATE.start)

    def together() -> list[torch.Tensor]:
        runner = EncoderDecoderRunner(model)
        runner.forward(tensor([]), _EARLY)
        for step in range(1, joining + 1):
            runner.forward(tensor([probe.start[step] for probe in _EARLY]), [_LATE] if step == joining else [])
        return list(runner.forward(tensor([probe.start[-1] for probe in probes]), []))

    def plain() -> list[torch.Tensor]:
        ids = [(tensor([one.ids]), tensor([one.start])) for one in probes]
        outputs = [
            checkpoint.model(input_ids=source, decoder_input_ids=start, use_cache=False) for source, start in ids
        ]
        return [output.logits[0, -1].float() for output in outputs]

    return holds(together, plain, checkpoint.precision)


_WITHOUT_EFFECT = frozenset(
    [
        "bos_token_id",
        "decoder_start_token_id",
        "do_sample",
        "early_stopping",
        "eos_token_id",
        "length_penalty",
        "max_length",
        "max_new_tokens",
        "pad_token_id",
        "temperature",
        "top_k",
        "top_p",
        "transformers_version",
        "use_cache",
    ]
)
"""Settings that change nothing if the likeliest token is always taken and one text is written for a source."""
_NEUTRAL = {
    "num_beams": 1,
    "num_beam_groups": 1,
    "num_return_sequences": 1,
    "repetition_penalty": 1,
    "guidance_scale": 1,
}


def is_greedy(config: Mapping[str, object]) -> bool:
    """Return whether `generate` takes the likeliest token each time and changes no logits, unless told to sample.

    Args:
        config: what a generation configuration sets (`GenerationConfig.to_diff_dict`). Unknown settings have an
            effect.
    """
    return all(
        not value or value == _NEUTRAL.get(name)
        for name, value in config.items()
        if name not in _WITHOUT_EFFECT and not name.startswith(("_", "output_", "return_"))
    )
