"""Plain mocks: no physics, scripted answers."""
