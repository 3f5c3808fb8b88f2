"""Deployment: one file with everything that runs on a board."""
