"""How a stream moves: windows, state, batches."""
