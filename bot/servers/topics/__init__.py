"""What can be set, one file a topic. A server that has set nothing has each topic's defaults."""
