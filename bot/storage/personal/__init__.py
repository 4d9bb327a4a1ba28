"""What is kept about a person: counted, exported and deleted, table by table."""
