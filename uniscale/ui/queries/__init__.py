"""What pages read from the lake; each function takes an open connection and plain values."""
