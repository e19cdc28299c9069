"""Rules across documents, each one small function with its reference.

Schema-valid documents may break them; they are stored all the same. Most rules on
events name the descriptor, not the event: a sloppy producer breaks them in every row.
"""
