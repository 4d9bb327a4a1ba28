"""What people see of forum tags."""
