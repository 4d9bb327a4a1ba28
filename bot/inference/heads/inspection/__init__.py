"""Inside a forward pass: hidden states, attention weights, integrated gradients."""
