"""Python source -> IR."""
