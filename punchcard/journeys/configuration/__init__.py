"""What a programme is like, as one document: applied, exported, in force when."""
