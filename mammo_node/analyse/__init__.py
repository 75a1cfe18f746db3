"""Model packages, ONNX Runtime, the analysis process and the study-level answer."""
