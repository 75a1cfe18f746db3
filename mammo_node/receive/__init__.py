"""Receiving: who may send what, and how an instance becomes durable before it is acknowledged."""
