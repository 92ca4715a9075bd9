"""Evaluations by questions: the public data sets of document, scene text, chart and science questions."""
