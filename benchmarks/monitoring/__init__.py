"""Does monitoring see what it should, and is it quiet otherwise?"""
