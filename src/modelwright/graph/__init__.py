"""ONNX: the builder, encoders, compiling, merging, running, parity."""
