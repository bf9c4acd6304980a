"""What is predicted: target handling, outputs, default metrics."""
