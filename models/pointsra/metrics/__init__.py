"""Numbers from predictions. Nothing here knows a network."""
