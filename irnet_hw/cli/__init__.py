"""The commands of irnet-hw. Each one only starts a station."""
