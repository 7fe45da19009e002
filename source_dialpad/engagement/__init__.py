"""Digital Engagement: messages."""
