"""What the container tests stand on: Docker, the two environments, and what looks into a running pipeline."""
