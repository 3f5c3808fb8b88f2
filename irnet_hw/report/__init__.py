"""Reports, of builds and of trainings: HTML pages for people and JSON for programs."""
