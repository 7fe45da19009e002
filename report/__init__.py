"""The marts as one page that people look at: python -m report (`make report`)."""
