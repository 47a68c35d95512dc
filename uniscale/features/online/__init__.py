"""What is served: generations, slots, pushed actions, and the stores that hold them."""
