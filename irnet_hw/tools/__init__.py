"""Running other programs: processes, caches and environments."""
