"""What the compose files run inside the image: making secrets, preparing databases, telling whether a part lives."""
