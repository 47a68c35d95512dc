"""How often the rules for who serves are wrong, and how soon they are right."""
