"""Stats exports of Dialpad API v2."""
