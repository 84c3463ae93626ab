"""White labels: tenants, their brand, their hostnames."""
