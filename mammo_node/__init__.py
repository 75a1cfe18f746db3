"""mammo_node: the open DICOM network node for mammography AI."""

from importlib.metadata import version

__version__ = version("mammo-node")
