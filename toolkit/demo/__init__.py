"""The bundled reviews: their data and replies, and the commands that build them, run as a user would type them."""
