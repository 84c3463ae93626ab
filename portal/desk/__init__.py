"""The desk: what white labels ask and what the Backoffice answers."""
