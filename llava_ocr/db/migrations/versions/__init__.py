"""The steps, numbered. A released file is never edited; a change of `rows` adds one."""
