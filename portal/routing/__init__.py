"""Routing: by which server a message leaves, from which address, and why."""
