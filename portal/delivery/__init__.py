"""Delivery: lanes that carry what is due, and never lose or silently double it."""
