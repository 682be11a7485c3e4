"""Late Fusion: alpha without a trimap, from one network for the foreground, one for the background, and their blend."""
