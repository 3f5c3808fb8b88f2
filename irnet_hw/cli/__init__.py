"""The commands of irnet-hw: what starts a station, and nothing else."""
