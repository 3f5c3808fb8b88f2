"""What a user carries to a board: one file with all that runs there."""
