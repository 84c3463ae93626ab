"""The outbox: accepted means stored. The only way in, the claims on what is due, the states."""
