"""Who serves: champion and challenger judged on the same requests, and the rule that decides between them."""
