"""How fast, with the hardware and the command."""
