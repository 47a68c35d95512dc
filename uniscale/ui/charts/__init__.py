"""Pictures as inline SVG, coloured by the style sheet."""
