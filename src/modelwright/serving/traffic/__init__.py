"""Which version answers: weights, canary, shadow, aliases that move, and answers that are remembered."""
