"""ES3: entire-space samples (unexposed rows, attributed labels, searchification)."""
