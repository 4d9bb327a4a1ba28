"""A probe: can rows of an encoder-decoder join a running batch?"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from bot.inference.heads.calibration import Calibration
from bot.inference.heads.generation.encoder_decoder_runner import EncoderDecoder, EncoderDecoderRunner
from bot.inference.heads.generation.source_text import SourceText
from bot.inference.heads.probing import holds

_IS_JOINABLE: Calibration[bool] = Calibration("joinable rows of an encoder-decoder")


def can_be_joined(model: EncoderDecoder) -> bool:
    """Return whether rows can join a running batch, and get the same logits as alone.

    The first call runs the probe, on the device's thread.
    """
    checkpoint = model.checkpoint
    return checkpoint.calibrations.measured(
        _IS_JOINABLE, lambda: is_greedy(checkpoint.model.generation_config.to_diff_dict()) and _is_exact(model)
    )


_EARLY = [
    SourceText(ids, start, max_new_tokens=0, truncated=False)
    for ids, start in (((5, 6, 7), (2, 3, 4, 5, 6, 7, 8, 9)), ((8, 9), (3, 5, 2, 6, 4, 9, 7, 8)))
]
_LATE = SourceText((4, 7, 5, 6, 9), (4, 6), max_new_tokens=0, truncated=False)  # joins them for their last steps


def _is_exact(model: EncoderDecoder) -> bool:
    checkpoint, tensor = model.checkpoint, model.checkpoint.tensor
    probes = [*_EARLY, _LATE]
    joining = len(_EARLY[0].start) - len(_LATE.start)

    def together() -> list[torch.Tensor]:
        runner = EncoderDecoderRunner(model)
        runner.forward(tensor([]), _EARLY)
        for step in range(1, joining + 1):
            runner.forward(tensor([probe.start[step] for probe in _EARLY]), [_LATE] if step == joining else [])
        return list(runner.forward(tensor([probe.start[-1] for probe in probes]), []))

    def plain() -> list[torch.Tensor]:
        inputs = [{"input_ids": tensor([probe.ids]), "decoder_input_ids": tensor([probe.start])} for probe in probes]
        return [checkpoint.model(**arguments, use_cache=False).logits[0, -1].float() for arguments in inputs]

    return holds(together, plain, checkpoint.precision)


_WITHOUT_EFFECT = re.compile(
    "(bos|eos|pad|decoder_start)_token_id|max_(length|new_tokens)|do_sample|temperature|top_[kp]|early_stopping"
    "|length_penalty|use_cache|transformers_version|(_|output_|return_).*"
)
"""Settings that change nothing if the likeliest token is always taken and one text is written for a source."""
_NEUTRAL = dict.fromkeys(
    ("num_beams", "num_beam_groups", "num_return_sequences", "repetition_penalty", "guidance_scale"), 1
)


def is_greedy(config: Mapping[str, object]) -> bool:
    """Return whether `generate` takes the likeliest token each time and changes no logits, unless told to sample.

    Args:
        config: the settings of a generation configuration (`GenerationConfig.to_diff_dict`). Unknown ones have an
            effect.
    """
    with_effect = {name: value for name, value in config.items() if not _WITHOUT_EFFECT.fullmatch(name)}
    return all(not value or value == _NEUTRAL.get(name) for name, value in with_effect.items())
