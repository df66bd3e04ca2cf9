"""The pytest plugin of eventready."""
