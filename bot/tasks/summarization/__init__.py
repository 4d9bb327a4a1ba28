"""Reading a long text in parts, and writing summaries of them."""
