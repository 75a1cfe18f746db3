"""From phantoms to shipped models: render, train, export, measure. Needs the extra `training`."""
