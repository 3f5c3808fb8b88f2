"""Reports on builds and on training runs: HTML pages for people and JSON for programs."""
