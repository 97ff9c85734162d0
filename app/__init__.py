"""Microtome: a workbench that shows a transformer's forward pass in sections, side by side."""

__version__ = "0.1.0"
