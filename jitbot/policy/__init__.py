"""Policy: YAML files read strictly into rules, and the one function that decides by them.

`load` turns files into a `Policy`; `parameters`, `reasons` and `durations` read what people type; `templates` fills a
runner's inputs; `decide` says yes, no, or who has to be asked.
"""
