"""What a run's start document says of products: read, resolved, carried out."""
