"""What is trained: one module per family, each with its data source, network and loss."""
