"""Who is told what: facts of a moment become notices, notices messages. Its program sends one of them."""
