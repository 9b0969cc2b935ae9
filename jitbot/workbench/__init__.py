"""The policy author's workbench: cases, what-ifs, replay, starter and format, all on the bot's own `decide`."""
