"""Training: recipes, the loop and its checkpoints."""
