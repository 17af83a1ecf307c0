"""What is told to people by chat and mail: once a channel, in references only, however long a channel is away."""
