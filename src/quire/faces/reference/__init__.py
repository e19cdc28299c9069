"""What all the other faces offer, for programs and people."""
