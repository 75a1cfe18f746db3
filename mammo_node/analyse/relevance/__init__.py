"""What of its input made a model score: gradient x input, as an ONNX graph made of the model's own.

The model's graph is extended by its reverse (:mod:`.derive`), node by node with one rule for each
kind (:mod:`.rules`), so that ONNX Runtime computes the gradient as it computes the scores. Nothing
is stored beside ``model.onnx``: a map can never be that of other weights than the model's.
"""
