"""Pictures for replies, from plain data: no Discord, no tensors, no tasks."""
