"""Which model is at work: its family and its sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.inference.checkpoints.anatomy import family_of
from bot.tasks.work.pieces import Architecture, Family

if TYPE_CHECKING:
    from bot.inference.heads.head import Head


def architecture(head: Head) -> Architecture:
    """The model of a head, by its configuration.

    Configurations differ in their names (`n_layers`, `encoder_layers`, `num_layers`); their `attribute_map` makes the
    common ones work, but for the layers of decoders.
    """
    config = head.model.config
    text: Any = config.get_text_config()
    family = Family[family_of(config, type(head.model).__name__).name]
    return Architecture(
        family=family,
        model_type=str(config.model_type),
        layers=int(text.num_hidden_layers),
        decoder_layers=_decoder_layers(text) if family is Family.ENCODER_DECODER else 0,
        heads=int(getattr(text, "num_attention_heads", 0)),  # state space models have none
        hidden_size=int(text.hidden_size),
        parameters=head.parameters,
        vocabulary=int(text.vocab_size),
        context=head.context_length,
    )


def _decoder_layers(config: Any) -> int:
    for name in ("decoder_layers", "num_decoder_layers"):
        if (layers := getattr(config, name, None)) is not None:
            return int(layers)
    return int(config.num_hidden_layers)
