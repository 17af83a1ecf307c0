"""Who may do what: people at the console, programs at the API."""
