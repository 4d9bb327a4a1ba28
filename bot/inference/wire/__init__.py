"""Inference between processes: everything that crosses `Backend`, as JSON, and the names that HTTP carries it under."""
