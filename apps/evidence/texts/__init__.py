"""The captured pages of articles: attached, compared with what is recorded of them, and quoted."""
