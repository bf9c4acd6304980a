"""Trains neural networks with torch: one loop, on CPU or GPU, the same bits each time, resumed after a kill."""
