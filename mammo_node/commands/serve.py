"""``mammo-node serve``: run the node until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import os
import signal
import threading

from mammo_node import log
from mammo_node.config import load_folder
from mammo_node.node import Node
from mammo_node.service import ServiceManager


def run(options: argparse.Namespace) -> int:
    """Start, tell the service manager, watch, drain."""
    configuration = load_folder(options.config)
    log.configure(configuration.settings.log.level, configuration.settings.log.format)
    manager = ServiceManager.from_environment(os.environ)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    node = Node(configuration)
    listening = node.start()
    models = f"; MODELS DOWN ({listening.models_problem})" if listening.models_problem else ""
    manager.ready(f"listening as {listening.ae_title} on port {listening.port}{models}")
    try:
        node.run(stop, manager.alive)
    finally:
        manager.stopping()
        node.stop()
    return 0
