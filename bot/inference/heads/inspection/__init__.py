"""Operations that look into a forward pass: hidden states, attention weights, attributions."""
