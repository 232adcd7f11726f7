"""What a monitor would have decided on recorded drift: now, and under proposed settings."""
