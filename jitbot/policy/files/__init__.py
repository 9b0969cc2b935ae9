"""Policy files: YAML read strictly into the nouns of `model`, every fault with its place."""
