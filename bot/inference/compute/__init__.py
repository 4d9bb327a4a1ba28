"""The hardware: devices, data types, packed and fused linear layers, threads."""
