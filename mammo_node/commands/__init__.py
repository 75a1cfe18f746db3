"""One module per subcommand, each with ``run(options) -> exit code``."""
