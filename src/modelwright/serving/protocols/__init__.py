"""What requests may look like and how they are answered: JSON, CSV, Arrow, the Open Inference Protocol, gRPC, pages."""
