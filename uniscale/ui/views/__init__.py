"""One module per page: what its template shows."""
