"""The wire: addresses, composition, protocol and replies, all pure; connection and egress guard."""
