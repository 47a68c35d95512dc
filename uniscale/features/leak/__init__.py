"""The guard of the synthetic requests: do their items tell the label in another way than those of real lists do?"""
