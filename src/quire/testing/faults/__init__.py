"""System calls that fail when told to, and disks that are full."""
