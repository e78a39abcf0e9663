"""The page on which a curator cites an article, sentence by sentence."""
