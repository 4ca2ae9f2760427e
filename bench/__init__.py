"""Measurements: each figure beside another one of the same run, on the same machine."""
