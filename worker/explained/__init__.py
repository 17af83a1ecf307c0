"""What `makegood explain` tells, gathered and printed. The door is `worker.explaining`."""
