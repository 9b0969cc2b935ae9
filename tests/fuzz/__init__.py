"""Every parser of what others write, given what nobody would write: it reads it, or refuses it in its own words."""
