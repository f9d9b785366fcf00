"""Measurements of speed, memory and quality; each prints a table that says how it was made. None is a timed test."""
