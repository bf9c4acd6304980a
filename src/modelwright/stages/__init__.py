"""The readable flow of each stage: plan() and run(); a stage never prints and never imports another stage."""
