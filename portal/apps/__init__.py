"""Apps: what sends mail; each has exactly one owner, and API keys."""
