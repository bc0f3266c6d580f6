"""Long work that somebody asks for: asked for, given its file, done, cancelled."""
