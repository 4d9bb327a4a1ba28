"""What a picture of attention shows, in the paragraphs of `/attention`."""

from __future__ import annotations

from bot.inference.heads.inspection.attention_weights import Part
from bot.locales.message import _, later
from bot.locales.numbers import decimal

ABOUT = {
    Part.ENCODER: later("Each token looks at all tokens of the text."),
    Part.DECODER: later("Each token looks at itself and at those before it; later ones are hidden from it (masked)."),
    Part.CROSS: later("Each token of the decoder looks at the tokens that the encoder has read."),
}
ROLLOUT = later(
    "Rollout multiplies the weights of all layers up to this one, and takes half of each token to pass by on the "
    "residual connection. That is an **estimate** of where each token comes from: it knows neither the values, nor the "
    "feed-forward networks, nor how much really passes by."
)
DEGENERATE = later(
    "Here it says nothing: by this estimate all tokens would be made of the same ones, whatever the text says. Such a "
    "picture would mislead, so there is none. Please choose an earlier layer, the average of heads, or one head."
)
ALL_HEADS = later(
    "Each head has queries, keys and values of its own, and so a way of looking of its own. Choose a head in the menu "
    "to see its tokens, and to work a weight out."
)
NORMS = later(
    "A weight says how much a token is **looked at**; what it then **gives** is the weight times its value, through "
    "the layer's output projection. Here is the length of what arrives, by all heads together, as a share of each row "
    "([Kobayashi et al. 2020](https://arxiv.org/abs/2004.10102)): a token can get much weight and give nearly nothing."
)


def about_sink(token: str, share: float) -> str:
    """Say what an attention sink is; `share` of the weight goes to it, 0 to 1."""
    # Translators: {share} is a number from 0 to 1. Keep the links, with their addresses.
    return _(
        "{token} alone gets {share} of all weight: an **attention sink**. Why models do this is an open question. It "
        "may be a place for weight that softmax must put somewhere "
        "([Xiao et al. 2023](https://arxiv.org/abs/2309.17453)), a bias that training has built from a few huge "
        "numbers ([Sun et al. 2024](https://arxiv.org/abs/2402.17762)), or a way to keep tokens from being mixed too "
        "much ([Barbero et al. 2025](https://arxiv.org/abs/2504.02732)). It is shown apart, in grey.",
        token=token,
        share=decimal(share, 2),
    )
