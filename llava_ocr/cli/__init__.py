"""The command line. Each module holds one group of commands; `app` puts them together and owns the exit code."""
