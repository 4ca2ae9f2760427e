"""Measurements: each figure is compared with another one of the same run on the same machine."""
