"""Tags for the posts of forums: which fit, what people make of them, and how often they were right."""
