"""Policy: the one function that decides, and what people type read by the same rules.

`decide` says yes, no, or who has to be asked; `files` turns YAML into the `Policy` that it decides by; `cel` compiles
its conditions. `parameters`, `asking` and `durations` read what people type; `templates` fills a runner's inputs.
"""
