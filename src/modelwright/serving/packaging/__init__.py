"""What makes a bundle run elsewhere: lock, wheel, image, cluster and pipeline files. No server imports it."""
