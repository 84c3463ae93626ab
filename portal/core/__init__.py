"""What every room stands on: database, clock, refusals, secrets, paging, logs."""
